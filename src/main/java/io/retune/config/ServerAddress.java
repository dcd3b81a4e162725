package io.retune.config;

import java.net.URI;
import java.net.URISyntaxException;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * What a server is reached at: scheme, host, port, perhaps a path, and nothing that could be a
 * secret. What is none is not quoted, since it may hold one.
 */
final class ServerAddress {
  /** In a few words. */
  private record Fault(ErrorCode code, String words) {}

  private static final Fault NONE =
      new Fault(ErrorCode.NOT_AN_ADDRESS, "is no address of a server");

  private static final Fault SECRET =
      new Fault(ErrorCode.SECRET_INLINE, "holds a user name or a password");

  private final List<String> schemes;

  ServerAddress(String... schemes) {
    this.schemes = List.of(schemes);
  }

  /** As it stands in a configuration. */
  Kind<URI> kind() {
    return new Kind<>(
        expected(),
        URI.create(""),
        value -> {
          URI uri = parsed(String.valueOf(value.unwrapped()));
          Optional<Fault> fault = fault(uri);
          if (fault.isPresent()) {
            throw refusal(fault.get());
          }
          return uri;
        });
  }

  private static URI parsed(String text) throws Kind.Refusal {
    try {
      return new URI(text);
    } catch (URISyntaxException e) {
      throw refusal(text.contains("@") ? SECRET : NONE);
    }
  }

  private static Kind.Refusal refusal(Fault fault) {
    return Kind.Refusal.unquoted(fault.code(), fault.words());
  }

  /**
   * @throws InvalidInputException if {@code address} is none
   */
  void require(String place, URI address) {
    fault(address)
        .ifPresent(
            fault -> {
              throw InvalidInputException.of(fault.code(), place, fault.words() + ".", expected());
            });
  }

  private String expected() {
    return "Expected "
        + schemes.get(0)
        + "://host:port, without user, password or query; credentials have keys of their own.";
  }

  /** Empty: there is none. */
  private Optional<Fault> fault(URI address) {
    if (String.valueOf(address.getRawAuthority()).contains("@")) {
      return Optional.of(SECRET);
    }
    String scheme = String.valueOf(address.getScheme()).toLowerCase(Locale.ROOT);
    boolean isPlain = address.getRawQuery() == null && address.getRawFragment() == null;
    return schemes.contains(scheme) && address.getHost() != null && isPlain
        ? Optional.empty()
        : Optional.of(NONE);
  }
}
