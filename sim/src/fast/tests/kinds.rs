//! Every kind of fault takes effect in some plan.
