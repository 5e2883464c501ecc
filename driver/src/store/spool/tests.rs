use std::collections::VecDeque;

use proptest::collection::vec;
use proptest::prelude::*;
use towline_core::Offset;

use super::{BUFFER, HEAD, Place, Spool, Spooled};

#[derive(Debug, Clone)]
enum Step {
    Push(u64, Vec<u8>, Vec<u8>),
    Pop,
    PutBack,
    Clear,
}

fn any_step() -> impl Strategy<Value = Step> {
    let push = (any::<u64>(), vec(any::<u8>(), 0..20), vec(any::<u8>(), 0..500));
    prop_oneof![
        8 => push.prop_map(|(upto, cursor, records)| Step::Push(upto, cursor, records)),
        6 => Just(Step::Pop),
        2 => Just(Step::PutBack),
        1 => Just(Step::Clear),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn first_in_first_out(steps in vec(any_step(), 0..80)) {
        let directory = tempfile::tempdir().unwrap();
        for mut spool in [Spool::memory(1_000), Spool::file(directory.path(), 1_000).unwrap()] {
            let mut model = VecDeque::new();
            for step in &steps {
                match step.clone() {
                    Step::Push(upto, cursor, records) => {
                        spool.push(Offset(upto), &cursor, &records).unwrap();
                        model.push_back(Spooled { upto: Offset(upto), cursor, records });
                    }
                    Step::Pop => prop_assert_eq!(spool.pop().unwrap(), model.pop_front()),
                    Step::PutBack => {
                        if let Some(batch) = spool.pop().unwrap() {
                            spool.put_back(batch);
                        }
                    }
                    Step::Clear => {
                        spool.clear().unwrap();
                        model.clear();
                    }
                }
                let bytes: usize = model.iter().map(|at| HEAD + at.cursor.len() + at.records.len()).sum();
                prop_assert_eq!(spool.bytes(), bytes as u64);
                prop_assert_eq!(spool.is_empty(), model.is_empty());
                prop_assert!(spool.is_full() || bytes < 1_000);
                prop_assert!(!(spool.is_full() && model.is_empty()));
            }
            while let Some(batch) = spool.pop().unwrap() {
                prop_assert_eq!(Some(batch), model.pop_front());
            }
            prop_assert!(model.is_empty());
        }
    }
}

#[test]
fn the_file_is_of_this_process_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(Spool::FILE_NAME);
    std::fs::write(&path, b"left over").unwrap();
    let mut spool = Spool::file(directory.path(), 10).unwrap();
    assert_eq!(spool.pop().unwrap(), None);
    spool.push(Offset(1), b"cursor", &[7; 1 << 20]).unwrap();
    assert!(spool.is_full());
    assert_eq!(spool.pop().unwrap().unwrap().records.len(), 1 << 20);
    assert!(!spool.is_full());
    assert_eq!(std::fs::metadata(&path).unwrap().len(), 0, "room comes back");
    drop(spool);
    assert!(!path.exists());
}

/// A file that can be read and not written refuses as a full disk does.
#[test]
fn what_the_disk_refuses_stays_in_memory_and_the_spool_is_full() {
    let directory = tempfile::tempdir().unwrap();
    let mut spool = Spool::file(directory.path(), 1 << 30).unwrap();
    let batch = |upto: u64| Spooled { upto: Offset(upto), cursor: vec![1], records: vec![7; BUFFER / 2] };
    let push = |spool: &mut Spool, upto: u64| {
        let Spooled { upto, cursor, records } = batch(upto);
        spool.push(upto, &cursor, &records).unwrap();
    };
    let write_to = |spool: &mut Spool, options: &std::fs::OpenOptions| {
        let Place::File(paper) = &mut spool.place else { panic!("a file") };
        paper.file = options.open(&paper.path).unwrap();
    };
    (0..3).for_each(|upto| push(&mut spool, upto));
    assert!(!spool.is_full());
    write_to(&mut spool, std::fs::OpenOptions::new().read(true));
    (3..9).for_each(|upto| push(&mut spool, upto));
    assert!(spool.is_full());
    for upto in 0..7 {
        assert_eq!(spool.pop().unwrap(), Some(batch(upto)));
    }
    // When it takes some again, nothing is out of order.
    write_to(&mut spool, std::fs::OpenOptions::new().write(true));
    push(&mut spool, 9);
    assert!(!spool.is_full());
    for upto in 7..10 {
        assert_eq!(spool.pop().unwrap(), Some(batch(upto)));
    }
    assert_eq!(spool.pop().unwrap(), None);
}

#[test]
fn a_place_that_is_none_is_named() {
    let error = Spool::file(std::path::Path::new("/nowhere/at/all"), 10).unwrap_err();
    assert!(error.to_string().starts_with("/nowhere/at/all"), "{error}");
}
