  # Attention of one example by plain operations that every device has, in an order that every call repeats.
  # q, k, v [1, N, n, D] -> outputs [1, N, n, D], log-sum-exp [1, N, n]
  def attend(self, q: Tensor, k: Tensor, v: Tensor, causal: bool) -> Tuple[Tensor, Tensor]:
    s = (self).scores(q, k, causal)
    lse = torch.logsumexp(s, [-1])
    return (torch.matmul(s.sub_(lse.unsqueeze(-1)).exp_(), v), lse)
  # q k^T / sqrt(D) [1, N, n, m]; of what comes later, minus infinity.
  def scores(self, q: Tensor, k: Tensor, causal: bool) -> Tensor:
    s = torch.matmul(q, k.transpose(2, 3)).mul_(q.size(3) ** -0.5)
    if causal:
      s.masked_fill_(torch.gt(torch.triu(torch.new_ones(s, [s.size(2), s.size(3)]), 1), 0), -inf)
    return s
  # Its backward, causal: gradients of q, k and v.
  def attend_back(self, do: Tensor, q: Tensor, k: Tensor, v: Tensor, o: Tensor, lse: Tensor) -> Tuple[Tensor, Tensor, Tensor]:
    p = (self).scores(q, k, True).sub_(lse.unsqueeze(-1)).exp_()
    dv = torch.matmul(p.transpose(2, 3), do)
    dp = torch.matmul(do, v.transpose(2, 3))
    ds = dp.sub_(torch.sum(torch.mul(do, o), [-1], True)).mul_(p).mul_(q.size(3) ** -0.5)
    return (torch.matmul(ds, k), torch.matmul(ds.transpose(2, 3), q), dv)
