mod bytes;
mod fake;
mod transcript;

use transcript::play;

#[test]
fn strings() {
    play("strings");
}

#[test]
fn keys_and_scans() {
    play("keys");
}

#[test]
fn expiry() {
    play("expiry");
}

#[test]
fn the_server_and_its_clients() {
    play("server");
}

#[test]
fn resp3() {
    play("resp3");
}

#[test]
fn transactions() {
    play("transactions");
}

#[test]
fn replication() {
    play("replication");
}

#[test]
fn refusals() {
    play("refusals");
}

#[test]
fn bits() {
    play("bits");
}

#[test]
fn parts_of_values_and_their_ends() {
    play("parts");
}

#[test]
fn names_and_how_values_are_kept() {
    play("names");
}

#[test]
fn dump_and_restore() {
    play("dump");
}

#[test]
fn what_is_not_here() {
    play("absent");
}

#[test]
fn settings_counts_and_commands() {
    play("settings");
}

#[test]
fn waits_and_what_is_not_there_yet() {
    play("waits");
}
