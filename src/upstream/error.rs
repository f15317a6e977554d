//! Why an instance did not answer.

use std::io;

/// Why an instance did not answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// Nothing listens there, or not in time.
    #[error("the connection failed")]
    Connect(#[source] io::Error),
    /// The request's body broke off on its way to the instance.
    #[error("the request body did not arrive completely")]
    Upload(#[source] hyper::Error),
    /// It closed the connection, or what it said is not HTTP.
    #[error("its answer was not valid HTTP")]
    Http(#[source] hyper::Error),
    /// It was waited for as long as the caller wanted to.
    #[error("it did not answer in time")]
    Late,
}

impl From<hyper::Error> for CallError {
    fn from(error: hyper::Error) -> Self {
        // Of what we hand to hyper, only the body can fail.
        if error.is_user() {
            Self::Upload(error)
        } else {
            Self::Http(error)
        }
    }
}
