//! Databases that another version has written.

use super::super::StoreError;
use super::*;

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused_in_words() {
    for bench in [Some(Bench::sqlite().await), Bench::postgres().await]
        .into_iter()
        .flatten()
    {
        lone_space(&bench.store).await;
        let newest = "UPDATE _sqlx_migrations SET version = 9999 WHERE version = 31";
        damage(&bench.store, newest).await;
        let refused = Store::connect(&bench.url, Sealer::new(&[7; 32])).await;
        assert!(matches!(refused, Err(StoreError::Newer)), "{refused:?}");
        let told = refused.unwrap_err().to_string();
        assert!(told.contains("newer version of Glasshouse"), "{told}");
        // Nothing was changed by the attempt.
        let kept = bench.store.space_by_name(&parsed("ada/demo")).await;
        assert!(kept.unwrap().is_some());
        bench.end().await;
    }
}
