//! Plain words in comments: the patterns that a program can find.
//!
//! A comment is read in paragraphs, of `//`, `///` and `//!` lines or of a block between `/*` and `*/`. A finding is a
//! sentence that opens with a word like "What", a return value that is "answered", a SAFETY comment too short to name
//! an obligation, a doc comment of one word, or a word of private language.
//!
//! Not found: the same in strings, on pages, and behind code on its line.

/// Words that no sentence of a comment opens with: name the thing instead.
const OPENINGS: &[&str] = &["What", "Who", "Whoever", "Whose", "Whom", "Whatever", "Whichever", "Whether"];
/// Words and phrases for which the field has a term.
const PRIVATE: &[(&str, &str)] = &[
    ("dice", "random numbers, or the rng"),
    ("whom", "name who it is"),
    ("farewell", "closing, or its reason"),
    ("last words", "closing, or its reason"),
    ("tally", "counters"),
    ("heart", "the type's name"),
    ("aboard", "assigned"),
    ("errand", "engine request"),
    ("errands", "engine requests"),
    ("usurp", "become a second primary"),
    ("usurper", "second primary"),
    ("reign", "epoch"),
    ("reigns", "epochs"),
];
/// The fewest words that name an obligation and why it holds.
const SAFETY_WORDS: usize = 8;

/// One paragraph of a comment.
struct Paragraph {
    line: usize,
    is_doc: bool,
    /// Set if the comment has no other paragraph.
    is_alone: bool,
    text: String,
}

/// Returns the findings in a file: line and reason.
pub(crate) fn findings(path: &str, text: &str) -> Vec<(usize, String)> {
    let known = ["rs", "ts", "js", "c", "h", "hpp", "cpp"];
    if !path.rsplit_once('.').is_some_and(|(_, extension)| known.contains(&extension)) {
        return Vec::new();
    }
    let mut found = Vec::new();
    for paragraph in paragraphs(text) {
        found.extend(judge(&paragraph).into_iter().map(|reason| (paragraph.line, reason)));
    }
    found
}

fn judge(paragraph: &Paragraph) -> Vec<String> {
    let mut reasons = Vec::new();
    for sentence in sentences(&paragraph.text) {
        let first = sentence.trim_start_matches(['(', '"']).split([' ', ',', '\'']).next().unwrap_or("");
        if OPENINGS.contains(&first) {
            reasons.push(format!("a sentence opens with {first:?}: name the thing, or begin with a verb"));
        }
        if paragraph.is_doc && first == "Answers" {
            reasons.push("\"Answers\": a function returns".to_owned());
        }
    }
    if paragraph.is_doc
        && (paragraph.text.contains("; answers ") || paragraph.text.contains(", and answers "))
    {
        reasons.push("\"answers\": a function returns".to_owned());
    }
    let words = paragraph.text.split_whitespace().count();
    if paragraph.is_doc && paragraph.is_alone && words == 1 {
        reasons.push(format!("{:?} is a doc comment of one word: say more, or nothing", paragraph.text));
    }
    if let Some((_, obligation)) = paragraph.text.split_once("SAFETY:")
        && obligation.split_whitespace().count() < SAFETY_WORDS
    {
        reasons.push("a SAFETY comment names the obligation, and why it holds".to_owned());
    }
    for (word, instead) in PRIVATE {
        if has_word(&paragraph.text, word) {
            reasons.push(format!("{word:?} is private language: {instead}"));
        }
    }
    reasons
}

/// Splits a paragraph into sentences.
fn sentences(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive(['.', '?', '!'])
        .scan(true, |begins, part| {
            // A dot inside a name or a number ends no sentence: the next part then begins without a space.
            let is_new = *begins || part.starts_with(' ');
            *begins = false;
            Some(if is_new { part.trim_start() } else { "" })
        })
        .filter(|part| !part.is_empty())
}

fn has_word(text: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}

/// Returns the paragraphs of all comments that stand on lines of their own.
fn paragraphs(text: &str) -> Vec<Paragraph> {
    let (mut all, mut block) = (Vec::new(), None);
    let mut comment: Vec<Paragraph> = Vec::new();
    let mut fresh = true;
    for (index, line) in text.lines().enumerate() {
        let Some((is_doc, words)) = words_of(line.trim(), &mut block) else {
            finish(&mut comment, &mut all);
            fresh = true;
            continue;
        };
        if comment.last().is_some_and(|last| last.is_doc != is_doc) {
            finish(&mut comment, &mut all);
            fresh = true;
        }
        if words.is_empty() {
            fresh = true;
        } else if let (false, Some(last)) = (fresh, comment.last_mut()) {
            last.text = format!("{} {words}", last.text);
        } else {
            comment.push(Paragraph { line: index + 1, is_doc, is_alone: false, text: words.to_owned() });
            fresh = false;
        }
    }
    finish(&mut comment, &mut all);
    all
}

fn finish(comment: &mut Vec<Paragraph>, all: &mut Vec<Paragraph>) {
    if let [only] = &mut comment[..] {
        only.is_alone = true;
    }
    all.append(comment);
}

/// Returns whether a comment line belongs to a doc comment, and its words; `None` for other lines. `block` is set in a
/// block comment, to whether it is a doc comment.
fn words_of<'a>(line: &'a str, block: &mut Option<bool>) -> Option<(bool, &'a str)> {
    let (is_doc, words) = if let Some(is_doc) = *block {
        (is_doc, line.strip_prefix('*').filter(|_| !line.starts_with("*/")).unwrap_or(line))
    } else if let Some(words) = line.strip_prefix("///").or_else(|| line.strip_prefix("//!")) {
        return Some((true, words.trim()));
    } else if let Some(words) = line.strip_prefix("//") {
        return Some((false, words.trim()));
    } else {
        let words = line.strip_prefix("/*")?;
        *block = Some(words.starts_with('*'));
        (words.starts_with('*'), words.trim_start_matches('*'))
    };
    match words.split_once("*/") {
        Some((words, _)) => {
            *block = None;
            Some((is_doc, words.trim().trim_end_matches('*').trim_end()))
        }
        None => Some((is_doc, words.trim())),
    }
}
