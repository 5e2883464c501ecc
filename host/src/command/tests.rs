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
