//! Puts a finished report where the user wants it: whole or not at all.
//!
//! The only file in `report` that does I/O. A reader of the path (a CI server, a viewer) sees the old report or the new one,
//! never half of one. `-` and standard output are the caller's.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// Writes `bytes` to `path`: to a temporary file beside it, to the disk, then renamed.
///
/// A symbolic link is followed and stays a link; a file that is replaced keeps its permissions. What is no regular file (a
/// pipe, `/dev/stdout`) is written directly.
///
/// # Errors
///
/// If the directory is missing, `path` is a directory, or the system refuses.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let unwritable = |source| Error::Unwritable { path: path.to_owned(), source };
    let known = match fs::metadata(path) {
        Ok(known) if known.is_dir() => return Err(Error::Directory(path.to_owned())),
        Ok(known) => Some(known),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(unwritable(error)),
    };
    if known.as_ref().is_some_and(|known| !known.is_file()) {
        let mut file = OpenOptions::new().write(true).open(path).map_err(unwritable)?;
        return file.write_all(bytes).and_then(|()| file.flush()).map_err(unwritable);
    }
    let path = if known.is_some() { fs::canonicalize(path).map_err(unwritable)? } else { path.to_owned() };
    let directory = match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => return Err(Error::Directory(path)),
    };
    if !directory.is_dir() {
        return Err(Error::NoDirectory { path: path.clone(), directory: directory.to_owned() });
    }
    let permissions = known.map(|known| known.permissions());
    replace(&path, directory, permissions, bytes).map_err(unwritable)
}

/// Looks whether [`write()`] will be let write to a path, before there is anything to write: a run that was asked for is not to be lost.
///
/// # Errors
///
/// If the path is a directory, or its directory takes no file. What only shows in writing, such as a full disk, is not seen.
pub fn may_write(path: &Path) -> Result<(), Error> {
    match fs::metadata(path) {
        Ok(known) if known.is_dir() => return Err(Error::Directory(path.to_owned())),
        Ok(known) if !known.is_file() => return Ok(()),
        _ => {}
    }
    // A link is written through to where it leads.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let tried = tempfile::Builder::new().prefix(".grantlint-").tempfile_in(directory);
    tried.map(drop).map_err(|source| Error::Unwritable { path: path.clone(), source })
}

/// Writes `bytes` to a file that is not there yet, whole or not at all.
///
/// # Errors
///
/// As [`write()`], and if there is something of that name, which stays as it is.
pub fn create(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let unwritable = |source| Error::Unwritable { path: path.to_owned(), source };
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !directory.is_dir() {
        return Err(Error::NoDirectory { path: path.to_owned(), directory: directory.to_owned() });
    }
    let file = filled(directory, None, bytes).map_err(unwritable)?;
    file.persist_noclobber(path).map_err(|error| unwritable(error.error))?;
    Ok(())
}

/// Writes files into a folder, each as [`write()`] does; the folder is made if it is not there, the one above it is not.
///
/// # Errors
///
/// If the folder cannot be made, or a file cannot be written.
pub fn write_folder(folder: &Path, files: &[(String, Vec<u8>)]) -> Result<(), Error> {
    match fs::create_dir(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(Error::Unwritable { path: folder.to_owned(), source: error });
        }
        _ => {}
    }
    files.iter().try_for_each(|(name, bytes)| write(&folder.join(name), bytes))
}

/// Why a report could not be written.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The directory to write into does not exist; none is made, for it is more often a typing error.
    #[error("cannot write `{}`: there is no directory `{}`", .path.display(), .directory.display())]
    NoDirectory {
        /// The report's path.
        path: PathBuf,
        /// What is missing.
        directory: PathBuf,
    },
    /// The path is a directory.
    #[error("cannot write `{}`: it is a directory", .0.display())]
    Directory(PathBuf),
    /// The system refused; no half report is left.
    #[error("cannot write `{}`", .path.display())]
    Unwritable {
        /// The report's path.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl Error {
    /// What the user can do about it, as one imperative sentence.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::NoDirectory { directory, .. } => {
                format!("make it with `mkdir -p {}`, or choose another path", directory.display())
            }
            Self::Directory(path) => format!("name a file in it, for example `{}`", path.join("report").display()),
            Self::Unwritable { .. } => {
                "choose a path in a directory that you may write to, with room on the disk".to_owned()
            }
        }
    }
}

fn replace(path: &Path, directory: &Path, permissions: Option<fs::Permissions>, bytes: &[u8]) -> io::Result<()> {
    filled(directory, permissions, bytes)?.persist(path).map_err(|error| error.error)?;
    // The rename itself reaches the disk with the directory; not every system can do that, and the file is whole either way.
    let _ = File::open(directory).and_then(|directory| directory.sync_all());
    Ok(())
}

/// A temporary file that holds `bytes` and is on the disk.
fn filled(directory: &Path, permissions: Option<fs::Permissions>, bytes: &[u8]) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".grantlint-");
    // A temporary file is made for its owner alone; a report is for others too, as far as the umask allows.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(directory)?;
    file.write_all(bytes)?;
    if let Some(permissions) = permissions {
        file.as_file().set_permissions(permissions)?;
    }
    file.as_file().sync_all()?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_report_replaces_the_old_one_and_leaves_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("run.json");
        write(&path, b"a longer first report").unwrap();
        write(&path, b"second").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(names(directory.path()), ["run.json"]);
    }

    #[test]
    fn what_will_not_be_written_is_known_before() {
        let directory = tempfile::tempdir().unwrap();
        may_write(&directory.path().join("run.json")).unwrap();
        may_write(Path::new("/dev/null")).unwrap();
        assert!(names(directory.path()).is_empty(), "nothing is left of the attempt");
        assert!(matches!(may_write(&directory.path().join("a/b")), Err(Error::Unwritable { .. })));
    }

    #[test]
    fn what_is_created_takes_no_others_place() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("grantlint.yaml");
        create(&path, b"first").unwrap();
        assert!(matches!(create(&path, b"second"), Err(Error::Unwritable { .. })));
        assert_eq!(fs::read(&path).unwrap(), b"first");
        assert!(matches!(create(&directory.path().join("a/b"), b""), Err(Error::NoDirectory { .. })));
        assert_eq!(names(directory.path()), ["grantlint.yaml"]);
    }

    #[test]
    fn a_missing_directory_is_named_with_the_way_out() {
        let directory = tempfile::tempdir().unwrap();
        let error = write(&directory.path().join("reports/run.json"), b"").unwrap_err();
        assert!(matches!(&error, Error::NoDirectory { directory, .. } if directory.ends_with("reports")), "{error:?}");
        assert!(error.help().contains("mkdir -p"));
        assert!(names(directory.path()).is_empty());
    }

    #[test]
    fn a_folder_is_made_and_its_other_files_stay() {
        let directory = tempfile::tempdir().unwrap();
        let folder = directory.path().join("report");
        for content in ["first", "second"] {
            write_folder(&folder, &[("index.html".to_owned(), content.into()), ("style.css".to_owned(), Vec::new())])
                .unwrap();
            write(&folder.join("own.txt"), b"").unwrap();
        }
        assert_eq!(fs::read(folder.join("index.html")).unwrap(), b"second");
        assert_eq!(names(&folder), ["index.html", "own.txt", "style.css"]);
        assert!(write_folder(&directory.path().join("a/b"), &[]).is_err());
        assert!(write_folder(&folder.join("own.txt"), &[("x".to_owned(), Vec::new())]).is_err());
    }

    #[test]
    fn a_directory_is_no_report() {
        let directory = tempfile::tempdir().unwrap();
        let error = write(directory.path(), b"").unwrap_err();
        assert!(matches!(error, Error::Directory(_)), "{error:?}");
    }

    #[test]
    fn a_path_through_a_file_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("file"), b"").unwrap();
        let error = write(&directory.path().join("file/run.json"), b"").unwrap_err();
        assert!(matches!(error, Error::Unwritable { .. }), "{error:?}");
    }

    #[cfg(unix)]
    #[test]
    fn links_and_permissions_stay_and_a_device_is_written_to() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let directory = tempfile::tempdir().unwrap();
        let (path, link) = (directory.path().join("run.json"), directory.path().join("latest.json"));
        fs::write(&path, b"old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        symlink(&path, &link).unwrap();
        write(&link, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        write(Path::new("/dev/null"), b"gone").unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }
}
