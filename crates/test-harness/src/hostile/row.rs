//! One row: a server of its own, healthy subscribers, an attack, and a look at what is left.

use super::{
    Cores, Outcome,
    attack::Attack,
    attacker::{Aftermath, Target},
    cores::WORKERS,
    healthy::{Healthy, Phase},
    outcome::{IdleCpu, Memory},
    scale::Scale,
};
use crate::{
    load::thread_times,
    peers::http,
    server::{Server, command},
    tls::{Certificates, Client},
};
use anyhow::{Context as _, Result, bail};
use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tokio::{
    task::LocalSet,
    time::{sleep, timeout},
};

/// How long, how much and from which seed.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Of the time before the attack, and of the attack.
    pub phase: Duration,
    /// How large attacks are.
    pub scale: Scale,
    /// Decides what attackers choose at random.
    pub seed: u64,
}

/// Measures one row.
///
/// # Errors
///
/// The server cannot be started or ended, or the generator failed. What the attack does to the server is no error
/// but a part of the outcome.
pub async fn measure(attack: Attack, plan: Plan, cores: &Cores) -> Result<Outcome> {
    let folder = tempfile::tempdir()?;
    let certificates = attack.needs_tls().then(Certificates::new).transpose()?;
    let certificates = certificates.as_ref();
    let mut server = start(attack, plan.scale, &folder, certificates, cores).await?;
    attack.prepare(server.address(), plan.scale).await.context("preparing the log")?;
    if attack.is_on_disk() {
        // What it resumes is to be on disk alone.
        server.terminate().await?;
        server = start(attack, plan.scale, &folder, certificates, cores).await?;
    }
    let tls = match certificates {
        Some(certificates) => Some((server.tls_address().await?, certificates.client()?)),
        None => None,
    };
    let (address, process) = (server.address(), server.id()?);
    let healthy = Healthy::start(address).await?;
    healthy.enter(Some(Phase::Before));
    sleep(plan.phase).await;

    let before = resident(process, "VmRSS:")?;
    fs::write(format!("/proc/{process}/clear_refs"), FORGET_PEAK)?;
    healthy.enter(Some(Phase::During));
    let mut aftermath = attack_from_a_thread(attack, plan, address, tls).await?;
    let mut faults = std::mem::take(&mut aftermath.faults);
    faults.extend(newcomer(address).await.err().map(|error| format!("a newcomer: {error:#}")));
    healthy.enter(None);
    healthy.wait_until_quiet(QUIET_WAIT_MAX).await;

    let window = if plan.scale == Scale::Short { IDLE_WINDOW / 4 } else { IDLE_WINDOW };
    let mut idle = idle_cpu(process, window).await?;
    let attacked = Instant::now();
    // What was asked for is answered, though nobody may read it, and takes a while; what spins does not end.
    while idle.is_busy() && attacked.elapsed() < WORK_MAX {
        idle = idle_cpu(process, window).await?;
    }
    let peak = resident(process, "VmHWM:")?;
    drop(aftermath.held);
    let kept = attack.bounds(plan.scale).kept_mb_max << 20;
    let patience = match plan.scale {
        Scale::Whole => AFTER_MAX,
        Scale::Short => AFTER_MAX / 2,
    };
    let after = resident_after(process, before + kept, patience).await?;
    faults.extend(newcomer(address).await.err().map(|error| format!("afterwards: {error:#}")));
    let (measured_before, during) =
        (healthy.measured(Phase::Before), healthy.measured(Phase::During));
    match healthy.end()? {
        0 => {}
        lost => faults.push(format!("{lost} healthy subscribers lost their connection")),
    }
    server.kill().await?;
    Ok(Outcome {
        attack,
        scale: plan.scale,
        note: aftermath.note,
        before: measured_before,
        during,
        memory: Memory { before, peak, after },
        idle_cpu: idle,
        faults,
    })
}

async fn start(
    attack: Attack,
    scale: Scale,
    folder: &TempDir,
    certificates: Option<&Certificates>,
    cores: &Cores,
) -> Result<Server> {
    let configuration = folder.path().join("tidewire.toml");
    fs::write(&configuration, attack.configuration(scale))?;
    let mut command = command()?;
    command.args(["serve", "--listen", "http://127.0.0.1:0", "--workers", &WORKERS.to_string()]);
    if let Some(certificates) = certificates {
        command.args(["--listen", "https://127.0.0.1:0"]).args(certificates.arguments());
    }
    command.arg("--config").arg(&configuration);
    if attack.is_on_disk() {
        command.arg("--data").arg(folder.path().join("data"));
    }
    // A process begins on the processors of the thread that starts it.
    cores.be_server()?;
    let server = Server::run(command).await;
    cores.be_generator()?;
    server
}

/// Attacks on a thread of its own, which leaves the processor to the healthy whenever they want it.
async fn attack_from_a_thread(
    attack: Attack,
    plan: Plan,
    address: SocketAddr,
    tls: Option<(SocketAddr, Client)>,
) -> Result<Aftermath> {
    let mut random = fastrand::Rng::with_seed(plan.seed);
    let source = Ipv4Addr::new(127, random.u8(1..), random.u8(..), random.u8(1..255));
    let until = Instant::now() + plan.phase;
    let thread = thread::spawn(move || -> Result<Aftermath> {
        rustix::process::nice(NICE)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let target =
            Target { address, source, until, phase: plan.phase, random, scale: plan.scale, tls };
        let aftermath = LocalSet::new().block_on(&runtime, async {
            let attacked = timeout(plan.phase + ATTACK_SPARE, attack.run(target)).await;
            let aftermath = match attacked {
                Ok(Ok(aftermath)) => aftermath,
                Ok(Err(error)) => Aftermath {
                    faults: vec![format!("the attacker broke off: {error:#}")],
                    ..Aftermath::default()
                },
                Err(_) => Aftermath {
                    faults: vec!["the attacker was left without an answer".to_owned()],
                    ..Aftermath::default()
                },
            };
            // Its time is the same in every row, however soon it has done what it does.
            tokio::time::sleep_until(until.into()).await;
            aftermath
        });
        Ok(aftermath)
    });
    while !thread.is_finished() {
        sleep(Duration::from_millis(10)).await;
    }
    match thread.join() {
        Ok(aftermath) => aftermath,
        Err(_) => bail!("the attacker's thread has panicked"),
    }
}

/// A new subscriber, and an answer to a request, in reasonable time.
async fn newcomer(address: SocketAddr) -> Result<()> {
    let path = "/events?channel=idle";
    for path in ["/health/live", path] {
        let answer = timeout(NEWCOMER_MAX, http::get(address, path, &[])).await;
        let answer = answer.with_context(|| format!("{path} has no answer"))??;
        anyhow::ensure!(answer.status == 200, "{path} is answered with {}", answer.status);
    }
    Ok(())
}

async fn idle_cpu(process: u32, window: Duration) -> Result<IdleCpu> {
    let (before, start) = (thread_times(process)?, Instant::now());
    sleep(window).await;
    let (after, elapsed) = (thread_times(process)?, start.elapsed().as_secs_f64());
    let (mut ran, mut busiest) = (0.0, 0.0_f64);
    for (thread, now) in after {
        let then = before.get(&thread).copied().unwrap_or_default();
        let share = |now: Duration, then| now.saturating_sub(then).as_secs_f64() / elapsed;
        let thread_ran = share(now.ran, then.ran);
        ran += thread_ran;
        busiest = busiest.max(thread_ran + share(now.waited, then.waited));
    }
    Ok(IdleCpu { ran, busiest })
}

/// Resident memory once it has come down, or the time for that is over.
async fn resident_after(process: u32, before: u64, patience: Duration) -> Result<u64> {
    let start = Instant::now();
    let mut least = u64::MAX;
    loop {
        least = least.min(resident(process, "VmRSS:")?);
        if least <= before + NEAR || start.elapsed() >= patience {
            break;
        }
        sleep(Duration::from_millis(50)).await;
    }
    Ok(least)
}

/// A line of the kernel's account of a process's memory, in bytes.
fn resident(process: u32, name: &str) -> Result<u64> {
    let status = fs::read_to_string(Path::new("/proc").join(process.to_string()).join("status"))?;
    let line = status.lines().find(|line| line.starts_with(name));
    let kib = line.and_then(|line| line.split_whitespace().nth(1));
    Ok(kib.context("the kernel does not report it")?.parse::<u64>()? << 10)
}

/// Resets `VmHWM`.
const FORGET_PEAK: &str = "5";
const NICE: i32 = 5;
/// What an attack may take beyond its time before it is given up.
const ATTACK_SPARE: Duration = Duration::from_secs(30);
const QUIET_WAIT_MAX: Duration = Duration::from_secs(10);
const NEWCOMER_MAX: Duration = Duration::from_secs(5);
const IDLE_WINDOW: Duration = Duration::from_secs(2);
/// For a hundred thousand publishes that came before the attacker went idle, unoptimised and on half a processor.
const WORK_MAX: Duration = Duration::from_secs(90);
const AFTER_MAX: Duration = Duration::from_secs(4);
const NEAR: u64 = 8 << 20;
