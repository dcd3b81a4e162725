package io.retune.train;

import com.fasterxml.jackson.annotation.JsonCreator;
import io.retune.store.Sha256;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * What a summed gradient was, in little: an adapter has hundreds of tensors, and a run tens of
 * thousands of steps. Whether two gradients are equal is told by {@code all}; which tensor differs,
 * by {@code tensors}.
 *
 * @param all the first 128 bits, hexadecimal, of the SHA-256 of the digests of all tensors, one
 *     behind the other in the order of the tensors' names
 * @param tensors the first 16 bits, hexadecimal, of each of these digests in the same order: of
 *     65,536 tensors that differ, one is not named
 */
public record GradientDigest(String all, String tensors) {
  private static final int ALL_CHARACTERS = 32;
  private static final int TENSOR_CHARACTERS = 4;

  /** Of no tensor. */
  static final GradientDigest NONE = of(List.of());

  @JsonCreator
  public GradientDigest {
    if (all.length() != ALL_CHARACTERS || tensors.length() % TENSOR_CHARACTERS != 0) {
      throw new IllegalArgumentException("No digest of a gradient: " + all + ", " + tensors);
    }
  }

  /**
   * Of the digests of a gradient's tensors, which is also how journals of schema 1 have it.
   *
   * @param tensorDigests 128 bits each, hexadecimal, in the order of the tensors' names
   */
  @JsonCreator(mode = JsonCreator.Mode.DELEGATING)
  public static GradientDigest of(List<String> tensorDigests) {
    return new GradientDigest(
        Sha256.of(String.join("", tensorDigests)).hex().substring(0, ALL_CHARACTERS),
        tensorDigests.stream()
            .map(digest -> digest.substring(0, TENSOR_CHARACTERS))
            .collect(Collectors.joining()));
  }

  /**
   * What differs, for people; empty when the gradients are equal.
   *
   * @param names of the tensors, sorted
   */
  Optional<String> differenceFrom(GradientDigest before, List<String> names) {
    if (all.equals(before.all)) {
      return Optional.empty();
    }
    if (tensors.length() == before.tensors.length()) {
      for (int tensor = 0; tensor * TENSOR_CHARACTERS < tensors.length(); tensor++) {
        int from = tensor * TENSOR_CHARACTERS;
        if (!tensors.regionMatches(from, before.tensors, from, TENSOR_CHARACTERS)) {
          return Optional.of("the summed gradient of " + names.get(tensor));
        }
      }
    }
    return Optional.of("the summed gradient");
  }
}
