package io.retune.config;

import java.io.EOFException;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;

/** Why a file could not be read or written, in words: Java often says only which file it is. */
public final class FileReason {
  private FileReason() {}

  /**
   * Of a file that was to be written: what is not there is the folder.
   *
   * @return as it stands behind a colon, without a full stop
   */
  static String ofWriting(IOException e) {
    if (e instanceof NoSuchFileException missing) {
      return "there is no folder " + Path.of(missing.getFile()).toAbsolutePath().getParent();
    }
    return of(e);
  }

  /** As it stands behind a colon, without a full stop. */
  public static String of(IOException e) {
    if (e instanceof NoSuchFileException missing) {
      return "there is no " + missing.getFile();
    } else if (e instanceof AccessDeniedException denied) {
      return "no permission for " + denied.getFile();
    } else if (e instanceof FileAlreadyExistsException there) {
      return there.getFile() + " is in the way";
    } else if (e instanceof NotDirectoryException file) {
      return file.getFile() + " is no folder";
    } else if (e instanceof DirectoryNotEmptyException full) {
      return full.getFile() + " is not empty";
    } else if (e instanceof FileSystemException other && other.getReason() != null) {
      return other.getFile() + ": " + other.getReason();
    } else if (e instanceof EOFException && e.getMessage() == null) {
      return "it ends too early";
    }
    // Below it some have a place in the program.
    return String.valueOf(e.getMessage())
        .lines()
        .map(line -> line.strip().replaceFirst("\\.$", ""))
        .filter(line -> e.getMessage() != null && !line.isEmpty())
        .findFirst()
        .orElse(e.getClass().getSimpleName());
  }
}
