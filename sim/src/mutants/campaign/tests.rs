use super::*;
use crate::mutants::registry;
use crate::plan::named;

fn scenario(name: &str) -> Scenario {
    let (_, text) = named().iter().find(|(known, _)| *known == name).expect("a named scenario");
    Scenario::parse(name, text).expect("a scenario that ships can be read")
}

fn hunted(number: u16, seeds: u64) -> (&'static Mutant, Hunt) {
    let mutant = registry::find(number).expect("a planted bug has a row");
    (mutant, hunt(mutant, &scenario(mutant.scenario), 0..seeds, &mut || false))
}

#[test]
fn the_panic_dies_and_the_identity_lives() {
    let (panic, hunt) = hunted(9002, 1);
    assert!(hunt.is_as_it_should(panic), "{:?}", hunt.first_elsewhere);
    let (identity, hunt) = hunted(9001, 3);
    assert_eq!((&hunt.end, hunt.elsewhere), (&End::Survived, 0), "{:?}", hunt.first_elsewhere);
    assert!(hunt.is_as_it_should(identity));
}

#[test]
fn time_ends_a_hunt() {
    let mutant = registry::find(9001).expect("the identity");
    let mut left = 2;
    let hunt = hunt(mutant, &scenario("mixed"), 0..1_000, &mut || {
        left -= 1;
        left == 0
    });
    assert_eq!(hunt.seeds, 1);
}
