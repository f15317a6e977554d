//! Large files: who has them, and for how long.

use std::fs;
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};

use super::*;

fn named(bytes: &[u8]) -> LargeFile {
    LargeFile {
        id: hex::encode(Sha256::digest(bytes)).parse().unwrap(),
        size: bytes.len() as u64,
    }
}

async fn send(house: &House, bytes: &[u8]) -> LargeFile {
    let file = named(bytes);
    house
        .repos
        .receive_large(house.space.into(), file.clone(), house.room(), bytes)
        .await
        .unwrap();
    file
}

async fn commit(house: &House, path: &str, file: &LargeFile) -> Result<Revision, RepoError> {
    let request = CommitRequest {
        branch: MAIN.to_owned(),
        parent: None,
        title: String::new(),
        description: String::new(),
        author: "ann".to_owned(),
        operations: vec![Operation::PutLarge {
            path: path.parse()?,
            id: file.id.clone(),
            size: Some(file.size),
        }],
        spool: house.repos.spool(house.room())?,
    };
    house.repos.commit(house.space, request).await
}

/// Makes every file that waits look as if it had waited for two days.
fn two_days_pass(house: &House) {
    for waiting in fs::read_dir(house.git_folder().join("lfs/waiting")).unwrap() {
        let file = fs::File::options()
            .write(true)
            .open(waiting.unwrap().path())
            .unwrap();
        let before = SystemTime::now() - Duration::from_secs(48 * 3600);
        file.set_modified(before).unwrap();
    }
}

fn has(house: &House, file: &LargeFile) -> (bool, bool) {
    let repo = house.repos.open(house.space).unwrap();
    let blob = house
        .repos
        .blobs()
        .join(&file.id.as_str()[..2])
        .join(file.id.as_str());
    (repo.large(&file.id).unwrap().is_some(), blob.exists())
}

#[tokio::test]
async fn what_is_never_committed_goes_and_what_is_stays() {
    let house = House::new().await;
    let (kept, forgotten) = (
        send(&house, b"kept").await,
        send(&house, b"forgotten").await,
    );
    let head = commit(&house, "sub/kept.bin", &kept).await.unwrap();
    house.repos.sweep_large().await.unwrap();
    assert_eq!(has(&house, &forgotten), (true, true), "it has a day");
    two_days_pass(&house);
    // Sent again, it has another day.
    send(&house, b"forgotten").await;
    house.repos.sweep_large().await.unwrap();
    assert_eq!(has(&house, &forgotten), (true, true));
    two_days_pass(&house);
    house.repos.sweep_large().await.unwrap();
    assert_eq!(has(&house, &forgotten), (false, false));
    assert_eq!(has(&house, &kept), (true, true));
    assert_eq!(house.files(&head)["sub/kept.bin"], b"kept");
    let late = commit(&house, "late.bin", &forgotten).await;
    assert!(matches!(late, Err(RepoError::Refused(_))), "{late:?}");
    house.repos.delete(house.space).await.unwrap();
    house.repos.sweep_large().await.unwrap();
    let blob = house.repos.blobs().join(&kept.id.as_str()[..2]);
    assert_eq!(fs::read_dir(blob).unwrap().count(), 0);
}

#[tokio::test]
async fn a_commit_holds_a_pointer_as_git_lfs_writes_it() {
    let house = House::new().await;
    let file = send(&house, b"hello").await;
    let head = commit(&house, "a.bin", &file).await.unwrap();
    let pointer = house.git(&["show", "main:a.bin"]);
    let expected = format!(
        "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 5\n",
        file.id
    );
    assert_eq!(pointer, expected);
    assert!(
        house
            .git(&["show", "main:.gitattributes"])
            .contains("/a.bin filter=lfs")
    );
    let entry = house
        .repos
        .open(house.space)
        .unwrap()
        .file(&head, "a.bin")
        .unwrap();
    assert_eq!((entry.size, entry.large.as_ref()), (5, Some(&file)));
    let folder = tempfile::tempdir().unwrap();
    let limits = CheckoutLimits {
        files: 10,
        bytes: 200,
    };
    let repo = house.repos.open(house.space).unwrap();
    repo.checkout(&head, folder.path(), limits).unwrap();
    assert_eq!(fs::read(folder.path().join("a.bin")).unwrap(), b"hello");
    house.git(&["fsck", "--strict"]);
}

#[tokio::test]
async fn lies_about_a_file_leave_nothing() {
    let house = House::new().await;
    let honest = named(b"hello");
    for bytes in [&b"hell"[..], b"hello!", b"HELLO", b""] {
        let refused = house
            .repos
            .receive_large(house.space.into(), honest.clone(), house.room(), bytes)
            .await;
        assert!(matches!(refused, Err(RepoError::Refused(_))), "{refused:?}");
    }
    assert_eq!(has(&house, &honest), (false, false));
    assert_eq!(fs::read_dir(house.repos.aside()).unwrap().count(), 0);
}

#[tokio::test]
async fn what_is_laid_out_of_a_model_that_is_gone_counts_for_each_and_goes_with_the_last() {
    use std::collections::HashSet;

    let house = House::new().await;
    let bytes = vec![7; 1 << 20];
    let file = send(&house, &bytes).await;
    let head = commit(&house, "weights.bin", &file).await.unwrap();
    let others = [house.owner, AccountId::new(), AccountId::new()];
    let mut folders = Vec::new();
    for account in others {
        let room = house.ledger.reserve_disk(account);
        let made = house
            .repos
            .cached_checkout(house.space.into(), head.clone(), room);
        folders.push(made.await.unwrap());
    }
    let counted = async |account| house.repos.disk_of_account(account).await.unwrap().bytes;
    for account in others {
        assert!(counted(account).await < 1 << 20, "its repository has it");
    }
    house.repos.delete(house.space).await.unwrap();
    for account in others {
        assert!(counted(account).await >= 1 << 20, "nobody else has it");
    }
    let blob = house.repos.blobs().join(&file.id.as_str()[..2]);
    let blob = blob.join(file.id.as_str());
    let in_use = HashSet::from([folders[0].clone()]);
    let swept = house.repos.sweep_checkouts(in_use).await.unwrap();
    assert_eq!(swept, HashSet::from([others[1], others[2]]));
    assert!(blob.exists() && counted(others[0]).await >= 1 << 20);
    let swept = house.repos.sweep_checkouts(HashSet::new()).await.unwrap();
    assert_eq!(swept, HashSet::from([others[0]]));
    assert!(!blob.exists());
    assert_eq!(counted(others[0]).await, 0);
}
