//! Signs of life for those who count the seconds between them.

use std::pin::pin;
use std::time::Duration;

use crate::server::ConnectionLink;

/// Below the five seconds that Python's httpx waits, and with it `gradio_client` for an app's `/config`.
const EVERY: Duration = Duration::from_secs(3);

/// Does the work, and tells the client every few seconds that it is being done.
pub(in crate::gateway) async fn send_while<T>(
    link: &ConnectionLink,
    work: impl Future<Output = T>,
) -> T {
    let mut work = pin!(work);
    loop {
        match tokio::time::timeout(EVERY, work.as_mut()).await {
            Ok(done) => return done,
            Err(_) => link.send_interim(),
        }
    }
}
