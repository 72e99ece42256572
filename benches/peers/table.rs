//! A case as a person reads it.

use crate::rounds::Measured;

/// Prints the case, ours first and the others as the case has them.
pub(crate) fn print(case: &Measured) {
    println!("\n{}, {}: {} B a message on the wire", case.group, case.name, case.bytes);
    println!("  {:<28}{:>12}{:>12}{:>10}", "", "least ns", "median ns", "× ours");
    for row in &case.rows {
        println!(
            "  {:<28}{:>12.1}{:>12.1}{:>10.2}  {}",
            row.subject,
            row.ns_min,
            row.ns_median,
            case.ratio(row),
            row.notes,
        );
    }
}
