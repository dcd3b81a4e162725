  # Causal attention within each of the packed examples; N query heads, of which N / K share a key and a value.
  #
  # qkv [T, (N + 2K) D], queries and keys rotated; bounds: first token of each example, and T.

  # Key or value heads [T, K, D] shared out to N query heads: [1, N, T, D].
  def shared_out(self, x: Tensor, n: int) -> Tensor:
    T = x.size(0)
    K = x.size(1)
    D = x.size(2)
    return x.transpose(0, 1).unsqueeze(1).expand([K, n // K, T, D]).reshape([1, n, T, D])

  # Returns the heads' outputs [T, N D], and what of each query's scores the backward pass needs: log-sum-exp [1, T, N].
  def attention(self, qkv: Tensor, bounds: List[int], N: int, K: int, D: int) -> Tuple[Tensor, Tensor]:
    T = qkv.size(0)
    heads = qkv.view([T, N + K + K, D])
    q = heads.narrow(1, 0, N).transpose(0, 1).unsqueeze(0)
    k = (self).shared_out(heads.narrow(1, N, K), N)
    v = (self).shared_out(heads.narrow(1, N + K, K), N)
    o = torch.new_empty(qkv, [T, N * D])
    lse = torch.new_empty(qkv, [1, T, N])
    i = 0
    while i < torch.len(bounds) - 1:
      a = bounds[i]
      n = bounds[i + 1] - a
      oi, li = (self).attend(q.narrow(2, a, n), k.narrow(2, a, n), v.narrow(2, a, n), True)
      o.narrow(0, a, n).view([n, N, D]).copy_(torch.squeeze(oi, 0).transpose(0, 1))
      lse.narrow(1, a, n).copy_(li.transpose(1, 2))
      i = i + 1
    return (o, lse)

  # do [T, N D]: gradient of the outputs. Returns that of qkv, its rotation not undone.
  def attention_back(self, do: Tensor, qkv: Tensor, o: Tensor, lse: Tensor, bounds: List[int], N: int, K: int, D: int) -> Tensor:
    T = qkv.size(0)
    heads = qkv.view([T, N + K + K, D])
    q = heads.narrow(1, 0, N).transpose(0, 1).unsqueeze(0)
    k = (self).shared_out(heads.narrow(1, N, K), N)
    v = (self).shared_out(heads.narrow(1, N + K, K), N)
    o4 = o.view([T, N, D]).transpose(0, 1).unsqueeze(0)
    do4 = do.view([T, N, D]).transpose(0, 1).unsqueeze(0)
    dqkv = torch.empty_like(qkv)
    d = dqkv.view([T, N + K + K, D])
    i = 0
    while i < torch.len(bounds) - 1:
      a = bounds[i]
      n = bounds[i + 1] - a
      li = lse.narrow(1, a, n).transpose(1, 2).contiguous()
      dq, dk, dv = (self).attend_back(do4.narrow(2, a, n), q.narrow(2, a, n), k.narrow(2, a, n), v.narrow(2, a, n), o4.narrow(2, a, n), li)
      di = d.narrow(0, a, n)
      di.narrow(1, 0, N).copy_(torch.squeeze(dq, 0).transpose(0, 1))
      di.narrow(1, N, K).copy_(torch.sum(dk.reshape([K, N // K, n, D]), [1]).transpose(0, 1))
      di.narrow(1, N + K, K).copy_(torch.sum(dv.reshape([K, N // K, n, D]), [1]).transpose(0, 1))
      i = i + 1
    return dqkv
