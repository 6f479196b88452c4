//! A rank that panics while another waits for it, for `scripts/test-clusters`: the job has to end.

use gpu_train::data::embedded;
use gpu_train_program::ranks;

fn main() {
    let joined = ranks::join().expect("MPI").expect("two processes");
    assert_eq!(joined.rank(), 0, "a planted panic");
    let _ranks = joined.lead(&embedded::digits());
}
