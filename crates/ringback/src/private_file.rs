//! Files that hold secrets: read only when nobody else can read them, and written whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use zeroize::Zeroizing;

/// The most that is read of such a file, in bytes.
const LARGEST: u64 = 1 << 20;

/// The file's text; `None` when there is no such file.
///
/// # Errors
///
/// A sentence about what is wrong with it: others than its owner can read it, it can't be read, it is too large.
pub(crate) fn read(path: &Path) -> Result<Option<Zeroizing<String>>, String> {
    let broken = |error: io::Error| format!("{} can't be read: {error}", path.display());
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(broken(error)),
    };
    if !is_handed_over(path) && others_can_read(&file).map_err(broken)? {
        return Err(format!("{} holds secrets and others can read it: chmod 600 it", path.display()));
    }
    let mut text = Zeroizing::new(String::new());
    let read = file.take(LARGEST + 1).read_to_string(&mut text).map_err(broken)?;
    if u64::try_from(read).unwrap_or(u64::MAX) > LARGEST {
        return Err(format!("{} is larger than {LARGEST} bytes", path.display()));
    }
    Ok(Some(text))
}

/// Whether systemd handed the file to this service alone (`LoadCredential=`). It lets the service's user read it by an access
/// control list, which shows as a bit of the group's.
fn is_handed_over(path: &Path) -> bool {
    std::env::var_os("CREDENTIALS_DIRECTORY").is_some_and(|folder| path.starts_with(folder))
}

/// Writes the file for its owner alone (0600), in place of what was there. It appears whole.
pub(crate) fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut draft = path.as_os_str().to_owned();
    draft.push(format!(".{}.new", std::process::id()));
    let written = write_new(draft.as_ref(), text)
        .and_then(|()| fs::rename(&draft, path))
        .and_then(|()| sync_folder(path));
    if written.is_err() {
        let _ = fs::remove_file(&draft);
    }
    written
}

fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let _ = fs::remove_file(path);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// Makes a file's name last.
#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn others_can_read(file: &File) -> io::Result<bool> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(file.metadata()?.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn others_can_read(_: &File) -> io::Result<bool> {
    Ok(false)
}
