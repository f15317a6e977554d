//! What the first start says.

use crate::support::{Server, eventually};
use std::time::Duration;

#[test]
fn a_new_server_says_where_to_sign_in_and_with_what() {
    let mut server = Server::start();
    let token = server.data().join("admin-token");
    let output = eventually(Duration::from_secs(10), "it says so", || {
        let output = server.printed().join("\n");
        output.contains("sign in").then_some(output)
    });
    let way = format!(
        "sign in as admin at http://localhost:{}/login",
        server.address.port()
    );
    assert!(output.contains(&way), "{output}");
    assert!(output.contains(token.to_str().unwrap()), "{output}");
    server.stop();
    server.launch();
    assert_eq!(server.printed().join("\n").matches("sign in as").count(), 0);
}
