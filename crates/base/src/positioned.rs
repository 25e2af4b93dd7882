//! Bytes of a file by their position, without a cursor that threads would share.

use std::fs::File;
use std::io;

/// Fills `buffer` with the bytes of a file from `offset` on. Several threads may do so at once.
///
/// # Errors
///
/// [`io::ErrorKind::UnexpectedEof`] when there are fewer, otherwise the error of the system.
pub fn read_exact_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    #[cfg(unix)]
    {
        std::os::unix::fs::FileExt::read_exact_at(file, buffer, offset)
    }
    #[cfg(windows)]
    {
        let (mut buffer, mut offset) = (buffer, offset);
        while !buffer.is_empty() {
            match std::os::windows::fs::FileExt::seek_read(file, buffer, offset) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(n) => {
                    buffer = &mut buffer[n..];
                    offset += n as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Puts all of `bytes` into a file from `offset` on. What lies between the end of the file and
/// `offset` becomes zeros.
///
/// # Errors
///
/// [`io::ErrorKind::WriteZero`] when the system takes nothing, otherwise the error of the system.
pub fn write_all_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    #[cfg(unix)]
    {
        std::os::unix::fs::FileExt::write_all_at(file, bytes, offset)
    }
    #[cfg(windows)]
    {
        let (mut bytes, mut offset) = (bytes, offset);
        while !bytes.is_empty() {
            match std::os::windows::fs::FileExt::seek_write(file, bytes, offset) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(n) => {
                    bytes = &bytes[n..];
                    offset += n as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_from_their_position() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("a");
        std::fs::write(&path, b"0123456789")?;
        let file = File::open(&path)?;
        let mut buffer = [0; 3];
        for (offset, expected) in [(7, b"789"), (0, b"012"), (4, b"456")] {
            read_exact_at(&file, &mut buffer, offset)?;
            assert_eq!(&buffer, expected);
        }
        for offset in [8, 10, u64::from(u32::MAX)] {
            let error = read_exact_at(&file, &mut buffer, offset).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        }
        Ok(())
    }

    #[test]
    fn bytes_go_to_their_position() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("a");
        let file = File::create_new(&path)?;
        for (offset, bytes) in [(6, &b"67"[..]), (0, b"01"), (7, b"7"), (1, b"")] {
            write_all_at(&file, bytes, offset)?;
        }
        assert_eq!(std::fs::read(&path)?, [0x30, 0x31, 0, 0, 0, 0, 0x36, 0x37]);
        let read_only = File::open(&path)?;
        assert!(write_all_at(&read_only, b"0", 0).is_err());
        Ok(())
    }
}
