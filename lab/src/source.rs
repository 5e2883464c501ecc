//! The source of a run: a built-in scenario by its name, a file, or a link that carries a plan. A file that begins with
//! `plan = ` is a plan, any other a scenario.

use towline_sim::plan::{Plan, Scenario, named};
use towline_sim::shrink::plan_of_fragment;
use xxhash_rust::xxh3::xxh3_128;

use crate::failure::Failure;

/// A scenario with the digest of the text it was read from.
pub(crate) struct Drawn {
    pub(crate) scenario: Scenario,
    pub(crate) digest: u128,
}

/// A text and its name in messages.
struct Text {
    name: String,
    text: String,
}

/// Returns the plan of a source: of a scenario with this seed, or 0; of a plan itself, which has a seed of its own.
pub(crate) fn plan(source: &str, seed: Option<u64>) -> Result<Plan, Failure> {
    let text = read(source)?;
    if !is_plan(&text.text) {
        return Ok(parse(&text)?.draw(seed.unwrap_or(0)));
    }
    if seed.is_some() {
        return Err(Failure::Usage(format!("{source} is a plan, which has its own seed: leave --seed out")));
    }
    Plan::parse(&text.name, &text.text).map_err(|error| Failure::Usage(error.to_string()))
}

/// Returns the scenario of a source.
pub(crate) fn scenario(source: &str) -> Result<Drawn, Failure> {
    let text = read(source)?;
    if is_plan(&text.text) {
        return Err(Failure::Usage(format!(
            "{source} is a plan, which has no draws left: `towline sim run {source}` plays it"
        )));
    }
    Ok(Drawn { scenario: parse(&text)?, digest: xxh3_128(text.text.as_bytes()) })
}

/// Returns the plan in a file or in a link; a scenario is refused with the command that makes a plan of it.
pub(crate) fn plan_only(source: &str) -> Result<Plan, Failure> {
    let Text { name, text } = match text(source) {
        Some(text) => text,
        None => file(source).map_err(|error| cannot_read("PLAN", source, &error))?,
    };
    if !is_plan(&text) {
        let told = format!(
            "{source} is no plan: `towline sim resolve {source} --seed N -o FILE` makes one of a scenario"
        );
        return Err(Failure::Usage(told));
    }
    Plan::parse(&name, &text).map_err(|error| Failure::Usage(error.to_string()))
}

/// Returns whether a source is a link that carries a plan.
pub(crate) fn is_link(source: &str) -> bool {
    link(source).is_some()
}

fn parse(text: &Text) -> Result<Scenario, Failure> {
    Scenario::parse(&text.name, &text.text).map_err(|error| Failure::Usage(error.to_string()))
}

fn link(source: &str) -> Option<String> {
    plan_of_fragment(&source[source.find('#')?..])
}

/// Returns the text of a source that is no file: a link, or a built-in scenario.
fn text(source: &str) -> Option<Text> {
    if let Some(text) = link(source) {
        return Some(Text { name: "the link".to_owned(), text });
    }
    let (name, text) = named().iter().find(|(name, _)| *name == source)?;
    Some(Text { name: format!("{name}.toml"), text: (*text).to_owned() })
}

fn file(source: &str) -> std::io::Result<Text> {
    Ok(Text { name: source.to_owned(), text: std::fs::read_to_string(source)? })
}

fn read(source: &str) -> Result<Text, Failure> {
    if let Some(text) = text(source) {
        return Ok(text);
    }
    file(source).map_err(|error| {
        if error.kind() == std::io::ErrorKind::NotFound {
            let names: Vec<&str> = named().iter().map(|(name, _)| *name).collect();
            let known = names.join(", ");
            return Failure::Usage(format!(
                "SCENARIO {source:?} is neither a file nor a built-in scenario: name a file, or one of {known}"
            ));
        }
        cannot_read("SCENARIO", source, &error)
    })
}

fn cannot_read(what: &str, name: &str, error: &std::io::Error) -> Failure {
    Failure::Usage(format!("{what}: cannot read {name:?}: {error}; name a file"))
}

/// Returns whether a text is a plan. Comments and empty lines may come before the first key.
fn is_plan(text: &str) -> bool {
    let first = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
    first.is_some_and(|line| line.strip_prefix("plan").is_some_and(|rest| rest.trim_start().starts_with('=')))
}

#[cfg(test)]
mod tests {
    use super::is_plan;

    #[test]
    fn a_plan_is_told_by_its_first_key() {
        assert!(is_plan("plan = 1\nname = \"a\"\n"));
        assert!(is_plan("# why it failed\n\nplan=1\n"));
        assert!(!is_plan("scenario = 1\nplan = 1\n"));
        assert!(!is_plan("planned = 1\n"));
        assert!(!is_plan(""));
    }
}
