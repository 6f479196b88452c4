//! The essay's table of recipes over several seeds: its rows, one run of a row, the folder of finished runs, and what
//! they come to.

mod folder;
mod job;
mod missed;
mod rows;
mod table;

pub use folder::{Folder, Found};
pub use job::{Before, Job, Watched, evaluate_every, train};
pub use missed::missed;
pub use rows::{Figure, Large, ROWS, Row, Source};
pub use table::{Sheet, table};
