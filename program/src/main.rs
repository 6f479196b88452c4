//! `gpu-train`: the entry point of [`gpu_train_program`].

fn main() -> std::process::ExitCode {
    // Without a session, Mesa's device-selection layer prints an error of its Wayland library at every enumeration of
    // adapters, which looks like one of our errors. There is no screen to select a device for, so the layer is disabled.
    #[cfg(target_os = "linux")]
    if std::env::var_os("XDG_RUNTIME_DIR").is_none() {
        // SAFETY: no other thread runs yet.
        unsafe { std::env::set_var("NODEVICE_SELECT", "1") };
    }
    gpu_train_program::commands::main()
}
