//! Clones that reuse the room of an older copy.
//!
//! A search copies a node for every step it tries. `clone_from` over a copy that is no longer needed allocates and
//! frees nothing, where a derived `Clone` does both for each part.

/// `clone_fields! { Name { field, .. } }`: what deriving `Clone` gives, and a `clone_from` that goes field by field. A
/// field that is left out does not compile.
macro_rules! clone_fields {
    ($name:ident { $($field:ident),+ }) => {
        impl Clone for $name {
            fn clone(&self) -> Self {
                Self { $($field: Clone::clone(&self.$field)),+ }
            }

            fn clone_from(&mut self, from: &Self) {
                $(Clone::clone_from(&mut self.$field, &from.$field);)+
            }
        }
    };
}
