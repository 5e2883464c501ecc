//! SVG as text: the few shapes of our pictures, in whole numbers; classes give them their looks.

use std::fmt::{Display, Write};

/// A picture under construction.
#[derive(Debug, Default)]
pub(crate) struct Svg {
    body: String,
}

/// Escapes text for XML. A character that XML cannot carry becomes a question mark.
pub(crate) fn escape(text: &str) -> String {
    let mut told = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => told.push_str("&amp;"),
            '<' => told.push_str("&lt;"),
            '>' => told.push_str("&gt;"),
            '"' => told.push_str("&quot;"),
            letter if letter.is_control() => told.push('?'),
            letter => told.push(letter),
        }
    }
    told
}

impl Svg {
    fn put(&mut self, element: std::fmt::Arguments<'_>) {
        // Writing to a string does not fail.
        let _ = writeln!(self.body, "{element}");
    }

    pub(crate) fn rect(&mut self, class: &str, (x, y): (i64, i64), (width, height): (i64, i64)) {
        let (width, height) = (width.max(1), height.max(1));
        self.put(format_args!(
            r#"<rect class="{class}" x="{x}" y="{y}" width="{width}" height="{height}"/>"#
        ));
    }

    /// Adds a rectangle with a text that a pointer over it shows.
    pub(crate) fn titled_rect(&mut self, class: &str, place: (i64, i64), size: (i64, i64), title: &str) {
        let (width, height) = (size.0.max(1), size.1.max(1));
        let (x, y) = place;
        let title = escape(title);
        self.put(format_args!(
            r#"<rect class="{class}" x="{x}" y="{y}" width="{width}" height="{height}"><title>{title}</title></rect>"#
        ));
    }

    pub(crate) fn line(&mut self, class: &str, from: (i64, i64), to: (i64, i64)) {
        let ((x1, y1), (x2, y2)) = (from, to);
        self.put(format_args!(r#"<line class="{class}" x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}"/>"#));
    }

    /// Adds a horizontal line with a head at its end.
    pub(crate) fn arrow(&mut self, class: &str, from_x: i64, to_x: i64, y: i64) {
        let back = if to_x > from_x { -6 } else { 6 };
        self.line(class, (from_x, y), (to_x + back / 2, y));
        let (wing, low, high) = (to_x + back, y - 4, y + 4);
        self.put(format_args!(
            r#"<polygon class="{class} head" points="{to_x},{y} {wing},{low} {wing},{high}"/>"#
        ));
    }

    pub(crate) fn circle(&mut self, class: &str, (x, y): (i64, i64), radius: i64) {
        self.put(format_args!(r#"<circle class="{class}" cx="{x}" cy="{y}" r="{radius}"/>"#));
    }

    pub(crate) fn cross(&mut self, class: &str, (x, y): (i64, i64), arm: i64) {
        self.line(class, (x - arm, y - arm), (x + arm, y + arm));
        self.line(class, (x - arm, y + arm), (x + arm, y - arm));
    }

    pub(crate) fn text(&mut self, class: &str, (x, y): (i64, i64), text: impl Display) {
        let text = escape(&text.to_string());
        self.put(format_args!(r#"<text class="{class}" x="{x}" y="{y}">{text}</text>"#));
    }

    /// Adds text of so many letters at most; a pointer over it shows all.
    pub(crate) fn clipped_text(&mut self, class: &str, place: (i64, i64), text: &str, letters: usize) {
        if text.chars().count() <= letters {
            return self.text(class, place, text);
        }
        let clipped: String = text.chars().take(letters - 3).collect();
        let ((x, y), title, clipped) = (place, escape(text), escape(clipped.trim_end()));
        self.put(format_args!(
            r#"<text class="{class}" x="{x}" y="{y}">{clipped}...<title>{title}</title></text>"#
        ));
    }

    /// Returns the whole file. The background is white, because dark pages show it too.
    pub(crate) fn finish(self, (width, height): (i64, i64), title: &str, style: &str) -> String {
        let title = escape(title);
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" role=\"img\">\n<title>{title}</title>\n<style>\n{style}</style>\n\
             <rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n{}</svg>\n",
            self.body
        )
    }
}
