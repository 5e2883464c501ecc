//! The order is that of slices: it is what snapshots, lists and every other store go by.

use super::*;
use alloc::vec::Vec;
use proptest::prelude::*;

proptest! {
    /// Of few letters, so that they share beginnings of every length.
    #[test]
    fn keys_stand_in_the_order_of_slices(
        one in prop::collection::vec(prop::sample::select(&[0u8, 1, 0x7f, 0x80, 0xff][..]), 0..20),
        other in prop::collection::vec(prop::sample::select(&[0u8, 1, 0x7f, 0x80, 0xff][..]), 0..20),
        shared in prop::collection::vec(any::<u8>(), 0..20),
    ) {
        let key = |tail: &[u8]| [&shared[..], tail].concat();
        let (one, other): (Vec<u8>, Vec<u8>) = (key(&one), key(&other));
        prop_assert_eq!(order(&one, &other), one.cmp(&other));
        prop_assert_eq!(order(&one, &one), Ordering::Equal);
    }
}
