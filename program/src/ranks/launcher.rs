//! A launcher's variables in a process, and the place where the process runs.

use std::env::var;

/// A launcher, whether it is an MPI's own, and its variables of a process's number and of how many there are.
const LAUNCHERS: [(&str, bool, &str, &str); 3] = [
    (
        "Open MPI's mpirun",
        true,
        "OMPI_COMM_WORLD_RANK",
        "OMPI_COMM_WORLD_SIZE",
    ),
    ("MPICH's mpirun", true, "PMI_RANK", "PMI_SIZE"),
    ("srun", false, "SLURM_PROCID", "SLURM_STEP_NUM_TASKS"),
];

/// A process that a launcher has started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launched {
    /// The launcher.
    pub by: &'static str,
    /// True if its processes are always meant to be one run.
    pub is_of_mpi: bool,
    /// Number of this process.
    pub rank: usize,
    /// Number of processes.
    pub count: usize,
}

/// The launcher's description of this process, if there is one.
pub fn launched() -> Option<Launched> {
    of(|name| var(name).ok())
}

fn of(variable: impl Fn(&str) -> Option<String>) -> Option<Launched> {
    let number = |name| variable(name)?.parse().ok();
    LAUNCHERS
        .into_iter()
        .find_map(|(by, is_of_mpi, rank, count)| {
            let (rank, count) = (number(rank)?, number(count)?);
            // Slurm's own PMI has the same variables as MPICH's, whose mpirun sets more.
            let is_of_slurm = by == "MPICH's mpirun"
                && variable("SLURM_STEP_ID").is_some()
                && variable("MPI_LOCALRANKID").is_none();
            Some(Launched {
                by: if is_of_slurm { "srun" } else { by },
                is_of_mpi: is_of_mpi && !is_of_slurm,
                rank,
                count,
            })
        })
}

/// A text for the machine and the cores of it that this process may use.
pub fn place() -> String {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let boot = read("/proc/sys/kernel/random/boot_id");
    let machine = match boot.is_empty() {
        true => gethostname::gethostname().to_string_lossy().into_owned(),
        false => boot,
    };
    let status = read("/proc/self/status");
    let cores = status
        .lines()
        .find(|line| line.starts_with("Cpus_allowed_list"));
    format!("{machine} {}", cores.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(variables: &[(&str, &str)]) -> Option<Launched> {
        of(|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn each_launcher_is_known_by_its_variables() {
        let launched = |by, is_of_mpi| {
            Some(Launched {
                by,
                is_of_mpi,
                rank: 1,
                count: 4,
            })
        };
        let mpich = [("PMI_RANK", "1"), ("PMI_SIZE", "4")];
        let step = [
            ("SLURM_PROCID", "1"),
            ("SLURM_STEP_NUM_TASKS", "4"),
            ("SLURM_STEP_ID", "0"),
        ];
        let mpirun = [("OMPI_COMM_WORLD_RANK", "1"), ("OMPI_COMM_WORLD_SIZE", "4")];
        assert_eq!(with(&mpirun), launched("Open MPI's mpirun", true));
        assert_eq!(with(&mpich), launched("MPICH's mpirun", true));
        assert_eq!(with(&step), launched("srun", false));
        // mpirun in a step of one task, and srun with its own PMI.
        let in_a_step = [&mpirun[..], &step].concat();
        assert_eq!(with(&in_a_step), launched("Open MPI's mpirun", true));
        let by_pmi = [&mpich[..], &step].concat();
        assert_eq!(with(&by_pmi), launched("srun", false));
        let hydra = [&by_pmi[..], &[("MPI_LOCALRANKID", "1")]].concat();
        assert_eq!(with(&hydra), launched("MPICH's mpirun", true));
        // A batch script is one process, whatever its job has tasks for.
        assert_eq!(with(&[("SLURM_PROCID", "0"), ("SLURM_NTASKS", "4")]), None);
        assert_eq!(with(&[("PMI_RANK", "x"), ("PMI_SIZE", "4")]), None);
    }
}
