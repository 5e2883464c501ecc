use super::{Held, fill};

#[test]
fn pieces_of_any_length_make_the_same_view() {
    let records: Vec<Held> = (0..5).map(|op| Held { op, bytes: 100 + op, chain: 0 }).collect();
    for record_bytes in [16, 17, 40] {
        let mut whole = Vec::new();
        assert!(fill(&mut whole, &records, record_bytes, 0, usize::MAX));
        assert_eq!(whole.len(), 5 * record_bytes);
        for most in [1, 7, 16, 33, 1_000] {
            let (mut bytes, mut piece) = (Vec::new(), Vec::new());
            for number in 0.. {
                let last = fill(&mut piece, &records, record_bytes, number * most, most);
                bytes.extend_from_slice(&piece);
                if last {
                    break;
                }
            }
            assert_eq!(bytes, whole, "records of {record_bytes}, pieces of {most}");
        }
    }
}

#[test]
fn a_view_of_nothing_is_one_empty_piece() {
    let mut piece = vec![1];
    assert!(fill(&mut piece, &[], 16, 0, 100));
    assert!(piece.is_empty());
}
