use super::{Distribution, ceiling, floor};

fn of(values: impl IntoIterator<Item = u64>) -> Distribution {
    let mut all = Distribution::default();
    values.into_iter().for_each(|value| all.add(value));
    all
}

#[test]
fn small_values_are_exact_and_large_ones_within_a_32nd() {
    for value in 0..64 {
        assert_eq!((floor(value), ceiling(value)), (value, value));
    }
    for value in [64, 65, 100, 1_000, 123_456_789, u64::MAX - 1, u64::MAX] {
        let (low, high) = (floor(value), ceiling(floor(value)));
        assert!(low <= value && value <= high && high - low <= value / 32, "{low} {value} {high}");
        assert_eq!(floor(high), low);
    }
    assert_eq!(floor(ceiling(floor(1_000)) + 1), ceiling(floor(1_000)) + 1, "steps touch");
}

#[test]
fn percentiles_are_those_of_the_values() {
    let all = of(1..=50);
    let told = [0, 500, 900, 990, 1_000].map(|permille| all.permille(permille));
    assert_eq!(told, [1, 25, 45, 50, 50]);
    assert_eq!((all.min(), all.max(), all.count()), (1, 50, 50));
    let wide = of((1..=1_000).map(|value| value * 1_000));
    let median = wide.permille(500);
    assert!((500_000..=516_000).contains(&median), "{median}");
    assert_eq!(Distribution::default().permille(500), 0);
}

#[test]
fn parts_joined_are_the_whole_in_any_order() {
    let values: Vec<u64> = (0..500).map(|n| n * n * n % 70_001).collect();
    let (left, right) = values.split_at(123);
    let mut joined = of(right.iter().copied());
    joined.join(&of(left.iter().copied()));
    joined.join(&Distribution::default());
    assert_eq!(joined, of(values));
    let text = serde_json::to_string(&joined).unwrap();
    assert_eq!(serde_json::from_str::<Distribution>(&text).unwrap(), joined);
}

#[test]
fn bars_hold_every_value_once() {
    for all in [of([7]), of(0..10), of([0, u64::MAX]), of((0..1_000).map(|n| n * 37))] {
        let bars = all.bars(8);
        assert!(bars.len() <= 8);
        assert_eq!(bars.iter().map(|bar| bar.count).sum::<u64>(), all.count());
        assert_eq!(bars[0].from, all.min());
        assert_eq!(bars[bars.len() - 1].to, all.max());
    }
    assert_eq!(Distribution::default().bars(8), []);
}
