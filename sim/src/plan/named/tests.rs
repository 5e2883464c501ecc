use super::super::{Plan, Scenario};
use super::*;

#[test]
fn every_named_scenario_reads_draws_and_reads_back() {
    for (name, text) in named() {
        let file = format!("sim/scenarios/{name}.toml");
        let scenario = Scenario::parse(&file, text).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(scenario.name(), *name);
        assert!(text.starts_with("# "), "{file} says what it stands for");
        for seed in 0..50 {
            let plan = scenario.draw(seed);
            let read =
                Plan::parse("a plan", &plan.to_text()).unwrap_or_else(|error| panic!("{file}: {error}"));
            assert_eq!(read, plan, "{file}, seed {seed}");
        }
    }
}

#[test]
fn every_file_of_the_folder_is_named() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .expect("a folder of ours")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().replace(".toml", ""))
        .collect();
    let mut names: Vec<String> = named().iter().map(|(name, _)| (*name).to_owned()).collect();
    files.sort();
    names.sort();
    assert_eq!(files, names);
}
