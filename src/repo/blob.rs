//! Reading files as streams.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;

use bytes::Bytes;
use gix::ObjectId;
use gix::bstr::ByteSlice;
use gix::objs::Kind;
use gix::zlib::{Decompress, stream::inflate};

use super::{FileFacts, LargeId, Repo, RepoError, Repos};
use crate::domain::{RepoUid, Revision};

/// The bytes of a file, inflated as they are read.
pub struct BlobReader {
    source: Source,
    left: u64,
}

enum Source {
    /// An object in a file of its own.
    Loose {
        file: BufReader<File>,
        inflate: Box<Decompress>,
    },
    /// An object out of a pack, which can only be had whole, laid down in an unnamed file; or a large file.
    Plain(File),
}

// === impl BlobReader ===

impl BlobReader {
    /// Bytes not yet read.
    pub fn left(&self) -> u64 {
        self.left
    }

    /// Passes over bytes. What lies plainly on disk is not read for it.
    fn skip(&mut self, count: u64) -> io::Result<()> {
        if let Source::Plain(file) = &mut self.source {
            file.seek(SeekFrom::Current(count.min(self.left).cast_signed()))?;
            self.left = self.left.saturating_sub(count);
            return Ok(());
        }
        io::copy(&mut self.take(count), &mut io::sink())?;
        Ok(())
    }

    fn loose(file: File) -> Result<Self, RepoError> {
        let mut source = Source::Loose {
            file: BufReader::with_capacity(32 << 10, file),
            inflate: Box::default(),
        };
        let mut header = Vec::new();
        while header.last() != Some(&0) {
            let mut byte = [0];
            // The longest header is `blob`, a space and twenty digits.
            if header.len() > 64 || source.read(&mut byte)? == 0 {
                return Err(io::Error::from(io::ErrorKind::InvalidData).into());
            }
            header.push(byte[0]);
        }
        let (kind, left, _) = gix::objs::decode::loose_header(&header)?;
        if kind != Kind::Blob {
            return Err(io::Error::from(io::ErrorKind::InvalidData).into());
        }
        Ok(Self { source, left })
    }
}

impl Read for BlobReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = buffer
            .len()
            .min(usize::try_from(self.left).unwrap_or(usize::MAX));
        if wanted == 0 {
            return Ok(0);
        }
        match self.source.read(&mut buffer[..wanted])? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            count => {
                self.left -= count as u64;
                Ok(count)
            }
        }
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Loose { file, inflate } => inflate::read(file, inflate, buffer),
            Self::Plain(file) => file.read(buffer),
        }
    }
}

// === impl Repo ===

impl Repo {
    /// A whole file of at most `max` bytes.
    ///
    /// # Errors
    /// `RevisionNotFound`, `EntryNotFound`, and `TooLarge` when it has more.
    pub fn read(&self, at: &Revision, path: &str, max: u64) -> Result<Vec<u8>, RepoError> {
        let facts = self.file(at, path)?;
        if facts.size > max {
            return Err(RepoError::TooLarge(format!(
                "`{path}` is larger than {max} bytes"
            )));
        }
        let mut bytes = Vec::new();
        self.blob(&facts.oid)?.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// The bytes of a file, by the id of its object; of a pointer, those of the large file.
    ///
    /// # Errors
    /// `EntryNotFound` when there is no such object.
    pub fn blob(&self, oid: &str) -> Result<BlobReader, RepoError> {
        let id = ObjectId::from_hex(oid.as_bytes())
            .map_err(|_| RepoError::EntryNotFound(oid.to_owned()))?;
        if let Some(file) = self.pointer(id)? {
            return self.large_reader(&file.id);
        }
        let hex = id.to_string();
        let loose = self.folder.join("objects").join(&hex[..2]).join(&hex[2..]);
        match File::open(loose) {
            Ok(file) => BlobReader::loose(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.copied(id),
            Err(error) => Err(error.into()),
        }
    }

    /// The bytes of a large file.
    pub(super) fn large_reader(&self, id: &LargeId) -> Result<BlobReader, RepoError> {
        let file = self.open_large(id)?;
        let left = file.metadata()?.len();
        Ok(BlobReader {
            source: Source::Plain(file),
            left,
        })
    }

    fn copied(&self, id: ObjectId) -> Result<BlobReader, RepoError> {
        let object = self
            .git
            .try_find_object(id)?
            .filter(|object| object.kind == Kind::Blob)
            .ok_or_else(|| RepoError::EntryNotFound(id.to_string()))?;
        let mut file = tempfile::tempfile_in(&self.folder)?;
        file.write_all(object.data.as_bytes())?;
        file.seek(SeekFrom::Start(0))?;
        Ok(BlobReader {
            source: Source::Plain(file),
            left: object.data.len() as u64,
        })
    }

    /// Copies a file to a new one; fails when there is one already.
    pub(super) fn copy_blob(&self, oid: &str, to: &Path) -> Result<(), RepoError> {
        let mut reader = self.blob(oid)?;
        let mut file = File::create_new(to)?;
        io::copy(&mut reader, &mut file)?;
        Ok(())
    }
}

/// Bytes read at once for a visitor.
const CHUNK: usize = 128 << 10;
/// Bytes passed over at once on the way to a range.
const SKIP: u64 = 8 << 20;

/// A part of a file on its way to somebody. Holds no thread while they are slow.
pub struct BlobStream {
    repos: Repos,
    reader: Option<BlobReader>,
    skip: u64,
    left: u64,
}

// === impl Repos ===

impl Repos {
    /// `length` bytes of a file from `start`. Reading a range costs inflating all before it, but for a large file.
    ///
    /// # Errors
    /// `EntryNotFound`, and `Refused` when the range lies outside the file.
    pub async fn stream(
        &self,
        id: impl Into<RepoUid>,
        file: FileFacts,
        start: u64,
        length: u64,
    ) -> Result<BlobStream, RepoError> {
        let open = move |repo: &Repo| repo.blob(&file.oid);
        BlobStream::open(self, id.into(), open, start, length).await
    }

    /// The same of a large file, whatever commits name it.
    ///
    /// # Errors
    /// As [`stream`](Self::stream).
    pub async fn stream_large(
        &self,
        id: RepoUid,
        file: LargeId,
        start: u64,
        length: u64,
    ) -> Result<BlobStream, RepoError> {
        let open = move |repo: &Repo| repo.large_reader(&file);
        BlobStream::open(self, id, open, start, length).await
    }
}

// === impl BlobStream ===

impl BlobStream {
    /// From the reader that `open` gives.
    async fn open(
        repos: &Repos,
        id: RepoUid,
        open: impl FnOnce(&Repo) -> Result<BlobReader, RepoError> + Send + 'static,
        start: u64,
        length: u64,
    ) -> Result<Self, RepoError> {
        let reader = repos.read(id, open).await?;
        if start
            .checked_add(length)
            .is_none_or(|end| end > reader.left())
        {
            return Err(RepoError::Refused(
                "the range lies outside the file".to_owned(),
            ));
        }
        Ok(Self {
            repos: repos.clone(),
            reader: Some(reader),
            skip: start,
            left: length,
        })
    }

    /// The next bytes; `None` after the last, and after an error.
    pub async fn next(&mut self) -> Option<Result<Bytes, RepoError>> {
        loop {
            if self.left == 0 {
                return None;
            }
            let mut reader = self.reader.take()?;
            let plain = matches!(reader.source, Source::Plain(_));
            let skip = if plain {
                self.skip
            } else {
                self.skip.min(SKIP)
            };
            let left = self.left;
            let step = move || {
                let mut bytes = Vec::new();
                if skip > 0 {
                    reader.skip(skip)?;
                } else {
                    bytes.resize(CHUNK.min(usize::try_from(left).unwrap_or(CHUNK)), 0);
                    reader.read_exact(&mut bytes)?;
                }
                Ok((reader, bytes))
            };
            let (reader, bytes) = match self.repos.work(step).await {
                Ok(done) => done,
                Err(error) => return Some(Err(error)),
            };
            self.reader = Some(reader);
            self.skip -= skip;
            self.left -= bytes.len() as u64;
            if !bytes.is_empty() {
                return Some(Ok(bytes.into()));
            }
        }
    }
}
