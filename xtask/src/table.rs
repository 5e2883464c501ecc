//! A plain table: columns as wide as their widest cell, each aligned as the caller says.

/// The alignment of a column.
#[derive(Clone, Copy)]
pub(crate) enum Align {
    Left,
    Right,
}

/// Renders `rows` (the first is the head) with two spaces between columns and none at a line's end.
pub(crate) fn render(aligns: &[Align], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..aligns.len()).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for ((cell, align), width) in row.iter().zip(aligns).zip(&widths) {
            let width = *width;
            match align {
                Align::Left => line.push_str(&format!("{cell:<width$}  ")),
                Align::Right => line.push_str(&format!("{cell:>width$}  ")),
            }
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Align, render};

    #[test]
    fn columns_align_and_lines_end_clean() {
        let row = |a: &str, b: &str, c: &str| vec![a.to_owned(), b.to_owned(), c.to_owned()];
        let rows =
            [row("step", "actual", "result"), row("a longer one", "1 s", "ok"), row("x", "100.0 s", "")];
        assert_eq!(
            render(&[Align::Left, Align::Right, Align::Left], &rows),
            "step           actual  result\na longer one      1 s  ok\nx             100.0 s\n"
        );
    }
}
