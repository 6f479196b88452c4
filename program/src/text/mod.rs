//! Records as human-readable text: the comparison, the race, the table, the benchmark, a prediction.

use comfy_table::{CellAlignment, TableStyle};

pub mod bench;
mod comparison;
pub mod prediction;
pub mod race;
pub mod reproduce;
mod run;

pub use comparison::Comparison;
pub use run::RunReport;

/// A table as text: all columns after the first `left` ones are flush right.
fn grid(preset: TableStyle, left: usize, head: Vec<String>, rows: Vec<Vec<String>>) -> String {
    let mut grid = comfy_table::Table::new();
    grid.load_style(preset);
    grid.set_header(head).add_rows(rows);
    for column in grid.column_iter_mut().skip(left) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    grid.trim_fmt()
}

/// A whole number with commas between thousands.
pub fn grouped(value: u64) -> String {
    let digits = value.to_string().into_bytes();
    let groups: Vec<&[u8]> = digits.rchunks(3).rev().collect();
    String::from_utf8(groups.join(&b',')).expect("digits and commas")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_grouped() {
        assert_eq!(grouped(7), "7");
        assert_eq!(grouped(167_693), "167,693");
        assert_eq!(grouped(1_000_000), "1,000,000");
    }
}
