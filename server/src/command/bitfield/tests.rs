use super::{Field, Overflow, Step, Verb};

#[test]
fn what_is_written_is_read_wherever_it_lies() {
    for signed in [false, true] {
        for bits in 1..=if signed { 64 } else { 63 } {
            for offset in 0..17 {
                let field = Field { signed, bits, offset };
                for fill in [0x00, 0xff] {
                    let mut row = vec![fill; 12];
                    let most = if signed { i64::MAX >> (64 - bits) } else { i64::MAX >> (63 - bits) };
                    for number in [0, 1.min(most), most, if signed { -most - 1 } else { most }] {
                        field.write(&mut row, number);
                        assert_eq!(field.read(&row), number, "{field:?}");
                    }
                    let around = (0..96).filter(|bit| !(offset..offset + bits as usize).contains(bit));
                    let kept = around.filter(|bit| row[bit / 8] >> (7 - bit % 8) & 1 == fill & 1).count();
                    assert_eq!(kept, 96 - bits as usize, "{field:?}");
                }
            }
        }
    }
}

#[test]
fn overflow_is_as_asked() {
    let step = |verb, signed, bits, overflow| {
        let mut row = vec![0xff];
        let field = Field { signed, bits, offset: 0 };
        Step { verb, field, overflow }.run(&mut row).map(|answer| (answer, field.read(&row)))
    };
    assert_eq!(step(Verb::IncrBy(1), false, 8, Overflow::Wrap), Some((0, 0)));
    assert_eq!(step(Verb::IncrBy(1), false, 8, Overflow::Saturate), Some((255, 255)));
    assert_eq!(step(Verb::IncrBy(1), false, 8, Overflow::Fail), None);
    assert_eq!(step(Verb::IncrBy(-256), false, 8, Overflow::Saturate), Some((0, 0)));
    assert_eq!(step(Verb::IncrBy(i64::MIN), true, 8, Overflow::Wrap), Some((-1, -1)));
    assert_eq!(step(Verb::Set(-1), false, 8, Overflow::Saturate), Some((255, 255)));
    assert_eq!(step(Verb::Set(256), true, 8, Overflow::Wrap), Some((-1, 0)));
    assert_eq!(step(Verb::Set(-300), true, 8, Overflow::Saturate), Some((-1, -128)));
}
