//! Passes the version of burn to the program, for the report.

fn main() {
    println!("cargo::rerun-if-changed=Cargo.lock");
    let lock = std::fs::read_to_string("Cargo.lock").expect("the lock file is committed");
    let mut lines = lock.lines().skip_while(|line| *line != "name = \"burn\"");
    let version = lines.nth(1).expect("burn has a version");
    let version = version.trim_start_matches("version = ").trim_matches('"');
    println!("cargo::rustc-env=BURN_VERSION={version}");
}
