//! How a world says what is wrong.

/// The result of every check; an error's text names what is broken.
pub(super) type Check<T = ()> = Result<T, String>;

/// Returns an error that names `$law` unless `$holds`; the message is only made when it is needed.
macro_rules! ensure {
    ($holds:expr, $law:ident, $($message:tt)+) => {
        if !$holds {
            let law = $crate::laws::Law::$law;
            return Err(format!("{law} is broken: {}", format_args!($($message)+)));
        }
    };
}
pub(super) use ensure;
