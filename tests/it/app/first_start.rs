//! What the first start says.

use crate::support::{Server, eventually};
use std::time::Duration;

#[test]
fn a_new_server_says_where_to_sign_in_and_with_what() {
    let mut server = Server::start();
    let token = server.data().join("admin-token");
    let said = eventually(Duration::from_secs(10), "it says so", || {
        let said = server.said().join("\n");
        said.contains("sign in").then_some(said)
    });
    let way = format!(
        "sign in as admin at http://localhost:{}/login",
        server.address.port()
    );
    assert!(said.contains(&way), "{said}");
    assert!(said.contains(token.to_str().unwrap()), "{said}");
    server.stop();
    server.launch();
    assert_eq!(server.said().join("\n").matches("sign in as").count(), 0);
}
