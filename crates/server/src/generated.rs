//! Tables of `docs/` that are made of what is here: compared with the page, and written into it by
//! `TIDEWIRE_WRITE_DOCS=1 cargo test -p tidewire --lib the_page_lists`.

use std::{env, fs, path::Path};

/// Checks that a page of `docs/` has these tables, each between the comments of its name; or writes them into it.
pub(crate) fn check_page(page_name: &str, tables: &[(&str, String)]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(page_name);
    let page = fs::read_to_string(&path).unwrap();
    let mut expected = page.clone();
    for (name, table) in tables {
        expected = with_table(&expected, name, table);
    }
    if env::var_os("TIDEWIRE_WRITE_DOCS").is_some() {
        fs::write(path, expected).unwrap();
        return;
    }
    assert!(
        page == expected,
        "docs/{page_name} is not what the code says; to write it: \
         TIDEWIRE_WRITE_DOCS=1 cargo test -p tidewire --lib the_page_lists"
    );
}

/// The page with `table` between the comments of that name.
fn with_table(page: &str, name: &str, table: &str) -> String {
    let begin = format!("<!-- generated: {name} -->\n");
    let (before, rest) = page.split_once(&begin).expect("the page has the comment");
    let (_, after) = rest.split_once(END).expect("the comment has an end");
    format!("{before}{begin}\n{table}\n{END}{after}")
}

const END: &str = "<!-- end of generated -->\n";

#[test]
fn a_table_takes_the_place_of_the_one_before() {
    let page = "a\n<!-- generated: settings -->\nold\n<!-- end of generated -->\nb\n";
    let expected = "a\n<!-- generated: settings -->\n\nnew\n\n<!-- end of generated -->\nb\n";
    assert_eq!(with_table(page, "settings", "new\n"), expected);
    assert_eq!(with_table(expected, "settings", "new\n"), expected);
}
