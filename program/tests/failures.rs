//! Failures end a run with one line and the right exit code, and leave the last good checkpoint intact.
#![cfg(unix)]

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use gpu_train::checkpoint;

pub fn program() -> PathBuf {
    assert_cmd::cargo::cargo_bin("gpu-train")
}

/// Runs a shell script with the program as `$0` and the folder as `$1`.
fn shell(script: &str, folder: &tempfile::TempDir) -> Output {
    let mut command = Command::new("bash");
    command
        .args(["-c", script])
        .arg(program())
        .arg(folder.path());
    command.output().expect("a shell")
}

/// Returns the one-line error of a failed program.
pub fn one_line(output: &Output, code: i32) -> String {
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{error}");
    assert_eq!(error.trim_end().lines().count(), 1, "{error}");
    assert!(error.starts_with("error: "), "{error}");
    error
}

pub fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

/// The warm-up raises the learning rate until training diverges, after some good steps.
#[test]
fn divergence_names_the_step_the_rate_and_the_last_good_checkpoint() {
    let folder = folder();
    let script = r#"exec "$0" --device cpu --no-baseline --optimizer sgd --schedule constant --activation relu \
        --learning-rate 1e12 --warmup 1000000 --steps 200 --eval-every 7 --checkpoint "$1/run.ckpt" \
        --checkpoint-every 1 --save "$1/net""#;
    let error = one_line(&shell(script, &folder), 1);
    for part in [
        "training diverged: ",
        " step ",
        "learning rate of ",
        "the last good one",
    ] {
        assert!(error.contains(part), "{part:?} is not in {error}");
    }
    assert!(!folder.path().join("net").exists());
    let kept = checkpoint::load(&folder.path().join("run.ckpt")).expect("a whole checkpoint");
    let named = format!("run.ckpt holds step {}, the last good one", kept.state.step);
    assert!(error.contains(&named), "{named:?} is not in {error}");
    assert!(kept.state.is_finite());
    // Without checkpoints the message reports that.
    let script =
        r#"exec "$0" --per-example --activation relu --loss cross-entropy --learning-rate 10"#;
    let error = one_line(&shell(script, &folder), 1);
    assert!(error.contains("no checkpoint was written"), "{error}");
}

/// A small file system if the user may mount one (in a separate mount namespace), else a limit on file sizes.
fn small_disk() -> &'static str {
    let probe = "d=$(mktemp -d) && mount -t tmpfs -o size=4k none $d";
    let probe = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "bash", "-c", probe])
        .output();
    if probe.is_ok_and(|output| output.status.success()) {
        return "tmpfs";
    }
    "limit"
}

#[test]
fn a_full_disk_ends_the_run_and_keeps_the_last_good_checkpoint() {
    let folder = folder();
    // Each evaluation makes the checkpoint longer.
    let run = r#""$0" --device cpu --no-baseline --steps 16 --eval-every 1 --checkpoint "$1/small/run.ckpt" --checkpoint-every 1"#;
    // Room for a checkpoint of 120 kB, not for a second one or, with a limit in KiB, for a longer one.
    let script = match small_disk() {
        "tmpfs" => format!(
            r#"mkdir "$1/small"; export inner='{run}; code=$?; cp "$1/small/"* "$1/"; ls -A "$1/small" >"$1/left"; exit $code'
            unshare --user --map-root-user --mount bash -c \
            'mount -t tmpfs -o size=200k none "$1/small" && eval "$inner"' "$0" "$1""#
        ),
        _ => format!(
            r#"mkdir "$1/small"; "$0" --device cpu --no-baseline --steps 1 --checkpoint "$1/first" >"$1/said" 2>&1
            size=$(wc -c <"$1/first"); (trap "" XFSZ; ulimit -f $((size / 1024 + 1)); {run}); code=$?
            cp "$1/small/"* "$1/"; ls -A "$1/small" >"$1/left"; exit $code"#
        ),
    };
    let error = one_line(&shell(&script, &folder), 1);
    for part in ["run.ckpt", "cannot be written", "the last good one"] {
        assert!(error.contains(part), "{part:?} is not in {error}");
    }
    let left = fs::read_to_string(folder.path().join("left")).expect("a list");
    assert_eq!(left, "run.ckpt\n", "no half-written file");
    let path = folder.path().join("run.ckpt");
    let kept = checkpoint::load(&path).expect("a whole checkpoint");
    assert!(
        error.contains(&format!("holds step {}", kept.state.step)),
        "{error}"
    );
    let go_on = shell(r#"exec "$0" --no-baseline --resume "$1/run.ckpt""#, &folder);
    assert!(go_on.status.success());
}

#[test]
fn a_disk_that_fills_up_leaves_whole_rows_of_metrics() {
    let folder = folder();
    let script = r#"trap "" XFSZ; ulimit -f 2; exec "$0" --device cpu --no-baseline --steps 40 --eval-every 1 \
        --metrics "$1/metrics.jsonl""#;
    let error = one_line(&shell(script, &folder), 1);
    assert!(
        error.contains("metrics.jsonl: found that it cannot be written"),
        "{error}"
    );
    let text = fs::read_to_string(folder.path().join("metrics.jsonl")).expect("metrics");
    assert!(text.ends_with("}\n") && text.lines().count() > 3, "{text}");
    for line in text.lines() {
        serde_json::from_str::<serde_json::Value>(line).expect("a whole row");
    }
}

/// Nobody can create files in `/proc`, not even root.
#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_cannot_be_written_to_is_named_before_a_step_is_trained() {
    for flags in [
        "--checkpoint /proc/run.ckpt",
        "--metrics /proc/metrics.jsonl",
        "--checkpoint /proc/self/none/run.ckpt",
        "--save /proc/net.safetensors",
    ] {
        let script = format!(r#"exec "$0" --device cpu --steps 100000 {flags}"#);
        let error = one_line(&shell(&script, &folder()), 1);
        assert!(error.contains("/proc/"), "{error}");
    }
    let script = r#"exec "$0" reproduce --quick --out /proc/runs"#;
    let error = one_line(&shell(script, &folder()), 1);
    assert!(
        error.contains("/proc/runs: found that it cannot be created"),
        "{error}"
    );
}

#[test]
fn a_closed_reader_is_an_error_if_files_were_requested() {
    let folder = folder();
    let script = r#"set -o pipefail; "$0" --device cpu --no-baseline --steps 300 --eval-every 1 \
        --checkpoint "$1/run.ckpt" --save "$1/net" | head -n 2 >"$1/seen""#;
    let error = one_line(&shell(script, &folder), 1);
    for part in [
        "standard output",
        "net was not written",
        "the last good one",
    ] {
        assert!(error.contains(part), "{part:?} is not in {error}");
    }
    let seen = fs::read_to_string(folder.path().join("seen")).expect("two lines");
    assert_eq!(seen.lines().count(), 2);
    checkpoint::load(&folder.path().join("run.ckpt")).expect("a whole checkpoint");
    assert!(!folder.path().join("net").exists());
}

#[test]
fn closed_outputs_are_no_panic() {
    for closed in [">&-", "2>&-", ">&- 2>&-"] {
        let script = format!(r#""$0" --device cpu --no-baseline --steps 2 {closed}"#);
        let output = shell(&script, &folder());
        let code = output.status.code();
        assert!(matches!(code, Some(0 | 1)), "{closed}: {code:?}");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(!error.contains("panicked"), "{closed}: {error}");
    }
}

/// Root may read every folder; without these capabilities it is as any other owner.
fn as_an_ordinary_user(program: &str) -> String {
    let probe =
        r#"[ "$(id -u)" != 0 ] || setpriv --bounding-set=-dac_override,-dac_read_search true"#;
    let probe = Command::new("bash").args(["-c", probe]).status();
    assert!(probe.is_ok_and(|status| status.success()), "setpriv");
    format!(
        r#"as=(); [ "$(id -u)" != 0 ] || as=(setpriv --bounding-set=-dac_override,-dac_read_search); "${{as[@]}}" {program}"#
    )
}

/// A folder that may be written to and not read cannot be opened, so it cannot be synced either.
#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_cannot_be_synced_does_not_fail_the_run() {
    let folder = folder();
    let run = r#""$0" -v --device cpu --no-baseline --steps 2 --save "$1/blind/net""#;
    let script = as_an_ordinary_user(run);
    let output = shell(&format!(r#"mkdir -m 300 "$1/blind"; {script}"#), &folder);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    assert!(error.contains("could not sync the folder"), "{error}");
    gpu_train::weights::load(&folder.path().join("blind/net")).expect("its weights");
}

#[test]
fn weights_go_to_pipes_devices_and_the_end_of_links() {
    let folder = folder();
    let script = r#"cd "$1"; run() { "$0" --device cpu --no-baseline --steps 2 --quiet --save "$1" "${@:2}"; }
        set -e; mkfifo pipe; ln -s real link; ln -s /dev/null null
        run expected >text; run link >text; run null >text; test -L link; test -L null
        cat pipe >from-pipe & run pipe >text; wait $!
        run /dev/stdout --json | head -c "$(stat -c %s expected)" >from-stdout
        echo before >redirected; run /dev/stdout --json >>redirected
        run >(cat >from-substitution) >text; sleep 0.2
        for name in real from-pipe from-stdout from-substitution; do cmp expected "$name"; done
        head -n 1 redirected; tail -n 1 redirected | tail -c 2"#;
    let output = shell(script, &folder);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "before\n}\n");
    for (name, parts) in [
        ("$1", "found a folder"),
        ("/dev/loop0", "found a socket or a block device"),
    ] {
        if name.starts_with("/dev") && !std::path::Path::new(name).exists() {
            continue;
        }
        let script = format!(r#"exec timeout 20 "$0" --device cpu --steps 100000 --save "{name}""#);
        let error = one_line(&shell(&script, &folder), 1);
        assert!(error.contains(parts), "{error}");
    }
}

/// ESC and U+009B both begin a terminal's escape codes.
#[test]
fn what_a_file_holds_or_is_called_cannot_write_escape_codes() {
    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    let weights = gpu_train::weights::encode(
        &gpu_train::net::Parameters::zeros(),
        (&gpu_train::recipe::Recipe::named(gpu_train::recipe::RecipeName::FullBatchMuon)).into(),
    );
    fs::write(at("net"), &weights).expect("written");
    let place = weights
        .windows(4)
        .position(|bytes| bytes == b"relu")
        .expect("its activation");
    let mut odd = weights;
    odd[place..place + 4].copy_from_slice("re\u{9b}".as_bytes());
    fs::write(at("odd-net"), odd).expect("written");
    fs::write(at("form.json"), "{\"schema\": \"\u{9b}31m\"}").expect("written");
    fs::write(at("race.json"), r#"{"schema": 1, "version": "\u001b[31m"}"#).expect("written");
    let examples = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    fs::copy(examples.join("digits/three.png"), at("\u{1b}[31m.png")).expect("a picture");
    fs::copy(examples.join("train.rs"), at("\u{1b}[32m.png")).expect("no picture");
    for script in [
        r#"exec "$0" --init-from "$1/odd-net""#,
        r#"exec "$0" report --race "$1/form.json""#,
        r#"exec "$0" report --race "$1/race.json""#,
        r#"exec "$0" predict --weights "$1/net" "$1/"*.png"#,
    ] {
        let output = shell(script, &folder);
        assert_eq!(output.status.code(), Some(1), "{script}");
        for text in [&output.stdout, &output.stderr] {
            let text = String::from_utf8_lossy(text);
            let odd = |c: char| c.is_control() && c != '\n';
            assert!(!text.contains(odd), "{script}: {text:?}");
        }
    }
}

/// An ordinary user under a limit of two threads, one of which waits for Ctrl-C. Root's own limit is not enforced, so root
/// becomes a user without any other process; other users may already have reached the limit.
#[test]
fn where_no_thread_can_be_started_the_run_has_the_same_weights() {
    let folder = folder();
    let script = r#"
        options="--device cpu --no-baseline --steps 2"
        "$0" $options --save "$1/free" >&2 || exit
        cp "$0" "$1/program" && chmod 755 "$1/program" && chmod 777 "$1" || exit
        become="" && [ "$(id -u)" = 0 ] && become="setpriv --reuid=54321 --regid=54321 --clear-groups"
        for tool in prlimit ${become%% *}; do command -v $tool >&2 || { echo "$tool"; exit 0; }; done
        cd "$1" && export HOME="$1" limit="$become prlimit --nproc=2"
        $limit ./program reproduce --rows stage-0 --seeds 2 --jobs 2 --epochs 1 --examples 50 --out runs >&2 || exit
        exec $limit ./program $options --save limited"#;
    let output = shell(script, &folder);
    let error = String::from_utf8_lossy(&output.stderr);
    let limited = folder.path().join("limited");
    if output.status.success() && limited.exists() {
        let [free, limited] = ["free", "limited"].map(|name| fs::read(folder.path().join(name)));
        assert_eq!(free.expect("weights"), limited.expect("weights"));
    } else if output.status.success() {
        let missing = String::from_utf8_lossy(&output.stdout);
        println!("skipped: no {} here", missing.trim());
    } else {
        assert!(error.contains("error: cannot handle Ctrl-C"), "{error}");
    }
}
