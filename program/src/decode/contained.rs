//! Calls to a library that may panic on hostile input.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    /// True while this thread's panics are caught, so that none is printed.
    static IS_CONTAINED: Cell<bool> = const { Cell::new(false) };
}

/// Returns the result of `call`, or `None` if it panics, of which nothing is printed. All that `call` changes must be dropped then.
pub fn contained<T>(call: impl FnOnce() -> T) -> Option<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let report = take_hook();
        set_hook(Box::new(move |panic| {
            if !IS_CONTAINED.get() {
                report(panic);
            }
        }));
    });
    IS_CONTAINED.set(true);
    let result = catch_unwind(AssertUnwindSafe(call));
    IS_CONTAINED.set(false);
    result.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_none_and_its_thread_reports_the_next_one() {
        assert_eq!(contained(|| IS_CONTAINED.get()), Some(true));
        assert!(!IS_CONTAINED.get());
        assert_eq!(contained(|| -> bool { panic!("caught") }), None);
        assert!(!IS_CONTAINED.get());
    }
}
