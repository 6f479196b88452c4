//! `gpu-train`: parse, run, report an error, exit code. All of it is in [`gpu_train_program`].

fn main() -> std::process::ExitCode {
    // Where there is no session, Mesa's device-selection layer would print a complaint of its Wayland library for each
    // look at the adapters, in the form of one of our errors; there is no screen to select a device for.
    #[cfg(target_os = "linux")]
    if std::env::var_os("XDG_RUNTIME_DIR").is_none() {
        // SAFETY: no other thread runs yet.
        unsafe { std::env::set_var("NODEVICE_SELECT", "1") };
    }
    gpu_train_program::commands::main()
}
