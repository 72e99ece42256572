//! Completions and manual pages come from the definitions that parse the arguments.

use crate::program::{folder, run, tidewire};
use tokio::process::Command;

const COMMANDS: [&str; 8] =
    ["serve", "publish", "subscribe", "check-config", "history", "health", "completions", "man"];

#[tokio::test]
async fn every_shell_has_a_script_that_knows_commands_and_flags() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = run(&mut tidewire(&["completions", shell])).await;
        assert!(script.is_success && script.err.is_empty(), "{script:?}");
        for word in COMMANDS.into_iter().chain(["retention-age", "quiet"]) {
            assert!(script.out.contains(word), "{shell} knows nothing of {word}");
        }
    }
}

#[tokio::test]
async fn bash_completes_a_flag() {
    let script = run(&mut tidewire(&["completions", "bash"])).await.out;
    let folder = folder();
    let file = folder.path().join("completions");
    let asked = "\nCOMP_WORDS=(tidewire subscribe --si); COMP_CWORD=2\n_tidewire tidewire --si subscribe\n\
                 echo \"${COMPREPLY[@]}\"\n";
    std::fs::write(&file, script + asked).unwrap();
    let completed = run(Command::new("bash").arg(&file)).await;
    assert_eq!(completed.out, "--since\n", "{completed:?}");
}

#[tokio::test]
async fn every_command_has_a_manual_page() {
    let page = run(&mut tidewire(&["man"])).await;
    for word in [".TH tidewire 1", "retention\\-age", "tidewire\\-publish(1)"] {
        assert!(page.out.contains(word), "{word} is not in {}", page.out);
    }
    for command in COMMANDS {
        let page = run(&mut tidewire(&["man", command])).await;
        assert!(
            page.is_success && page.out.contains(&format!(".TH tidewire-{command} 1")),
            "{page:?}"
        );
    }
    let refused = run(&mut tidewire(&["man", "pubish"])).await;
    assert!(!refused.is_success && refused.err.contains("unknown command pubish"), "{refused:?}");
}
