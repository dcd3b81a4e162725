  # Decoding with a cache of keys and values, forward only. W, P, N, K, D, s and eps are those of layer().
  #
  # cache [R, 2, K, C, D]: of each of R sequences the rotated keys, and the values, of up to C tokens, in one layer.

  # layer() over a whole prompt x [T, H], whose keys and values go to row `row` of the cache: [T, H].
  def prompt_layer(self, x: Tensor, cos: Tensor, sin: Tensor, W: List[Tensor], P: List[Tensor], cache: Tensor, row: int, N: int, K: int, D: int, s: float, eps: float) -> Tensor:
    T = x.size(0)
    saved = (self).layer(x, cos, sin, W, P, [0, T], N, K, D, s, eps)
    kv = saved[2].narrow(1, N * D, (K + K) * D).reshape([T, 2, K, D])
    cache.select(0, row).narrow(2, 0, T).copy_(kv.permute([1, 2, 0, 3]))
    return saved[0]

  # layer() over one token of each of R sequences, x [R, H]; at: how many tokens of each are in the cache, to which this one is added, or -1 of a row that is not used.
  # The query heads that share a key are the rows of one attention. Rows meet nowhere.
  def token_layer(self, x: Tensor, cos: Tensor, sin: Tensor, W: List[Tensor], P: List[Tensor], cache: Tensor, at: List[int], N: int, K: int, D: int, s: float, eps: float) -> Tensor:
    R = x.size(0)
    h = torch.mul(x, (self).inverse_rms(x, eps)).mul_(W[0])
    qkv = (self).project(h, W[1])
    u1 = (self).down(h, P[0])
    c = (self).adapt(qkv.narrow(1, 0, N * D), u1, P[1], 0, s)
    c = (self).adapt(qkv.narrow(1, N * D, K * D), u1, P[2], c, s)
    c = (self).adapt(qkv.narrow(1, (N + K) * D, K * D), u1, P[3], c, s)
    heads = qkv.view([R, N + K + K, D])
    z = (self).rotate(heads, N + K, cos, sin, 1)
    o = torch.new_zeros(x, [R, N * D])
    i = 0
    while i < torch.len(at):
      t = at[i]
      if t >= 0:
        own = heads.select(0, i)
        seen = cache.select(0, i).narrow(2, 0, t + 1)
        seen.select(2, t).copy_(own.narrow(0, N, K + K).view([2, K, D]))
        q = own.narrow(0, 0, N).view([1, K, N // K, D])
        oi, li = (self).attend(q, seen.narrow(0, 0, 1), seen.narrow(0, 1, 1), False)
        o.select(0, i).view([K, N // K, D]).copy_(torch.squeeze(oi, 0))
      i = i + 1
    x1 = torch.add(x, (self).project(o, W[2]))
    u2 = (self).down(o, P[4])
    c = (self).adapt(x1, u2, P[5], 0, s)
    h2 = torch.mul(x1, (self).inverse_rms(x1, eps)).mul_(W[3])
    gu = (self).project(h2, W[4])
    F = gu.size(1) // 2
    u3 = (self).down(h2, P[6])
    c = (self).adapt(gu.narrow(1, 0, F), u3, P[7], 0, s)
    c = (self).adapt(gu.narrow(1, F, F), u3, P[8], c, s)
    act = torch.silu(gu.narrow(1, 0, F)).mul_(gu.narrow(1, F, F))
    u4 = (self).down(act, P[9])
    y = torch.add(x1, (self).project(act, W[5]))
    c = (self).adapt(y, u4, P[10], 0, s)
    return y

  # x [R, H] hidden states, g [H] the norm, E [V, H] -> [R, V].
  def logits(self, x: Tensor, g: Tensor, E: Tensor, eps: float) -> Tensor:
    return (self).project(torch.mul(x, (self).inverse_rms(x, eps)).mul_(g), E)
