//! `gpu-train`: parse, run, report an error, exit code. All of it is in [`gpu_train::cli`].

fn main() -> std::process::ExitCode {
    gpu_train::cli::main()
}
