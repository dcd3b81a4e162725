  # Final norm, output projection and cross-entropy over the tokens that have a target, a chunk of them at a time: never more than chunk x V logits.
  # (Chunked linear cross-entropy after Wijmans et al. 2024, arXiv:2411.09009, without its sorting.)
  #
  # x [T, H] hidden states; at [n] int64 indices of tokens with a target; y [n] int64 their targets; g [H] the norm; E [V, H].

  # Loss of each target: [n] float32, -log softmax(E norm(x))[y].
  def head(self, x: Tensor, at: Tensor, y: Tensor, g: Tensor, E: Tensor, eps: float, chunk: int) -> Tensor:
    n = at.size(0)
    losses = torch.new_empty(x, [n])
    i = 0
    while i < n:
      c = chunk
      if i + c > n:
        c = n - i
      xc = torch.index_select(x, 0, at.narrow(0, i, c))
      lg = (self).project(torch.mul(xc, (self).inverse_rms(xc, eps)).mul_(g), E)
      t = torch.gather(lg, 1, y.narrow(0, i, c).unsqueeze(1))
      m = torch.amax(lg, [1], True)
      z = torch.sum(lg.sub_(m).exp_(), [1], True)
      losses.narrow(0, i, c).copy_(torch.squeeze(torch.sub(torch.add(torch.log(z), m), t), 1))
      i = i + c
    return losses

  # Of a chunk xc [c, H] with targets yc [c, 1]: losses [c, 1], the gradient of w * (their sum) with respect to the logits, dlogits = w (softmax - onehot), and
  # the chunk's xc / rms(xc) and 1 / rms(xc).
  def chunk_back(self, xc: Tensor, yc: Tensor, g: Tensor, E: Tensor, eps: float, w: float) -> Tuple[Tensor, Tensor, Tensor, Tensor]:
    r = (self).inverse_rms(xc, eps)
    xh = torch.mul(xc, r)
    lg = (self).project(torch.mul(xh, g), E)
    t = torch.gather(lg, 1, yc)
    m = torch.amax(lg, [1], True)
    z = torch.sum(lg.sub_(m).exp_(), [1], True)
    losses = torch.sub(torch.add(torch.log(z), m), t)
    lg.mul_(torch.mul(torch.reciprocal(z), w))
    lg.scatter_add_(1, yc, torch.new_full(lg, [xc.size(0), 1], -w))
    return (losses, lg, xh, r)

  # head(), and the gradient of w * (the sum of the losses) with respect to x.
  def head_back(self, x: Tensor, at: Tensor, y: Tensor, g: Tensor, E: Tensor, eps: float, chunk: int, w: float) -> Tuple[Tensor, Tensor]:
    n = at.size(0)
    losses = torch.new_empty(x, [n])
    dx = torch.zeros_like(x)
    i = 0
    while i < n:
      c = chunk
      if i + c > n:
        c = n - i
      ix = at.narrow(0, i, c)
      lc, lg, xh, r = (self).chunk_back(torch.index_select(x, 0, ix), y.narrow(0, i, c).unsqueeze(1), g, E, eps, w)
      losses.narrow(0, i, c).copy_(torch.squeeze(lc, 1))
      dx.index_copy_(0, ix, (self).norm_back((self).project_back(lg, E), xh, g, r))
      i = i + c
    return (losses, dx)

  # Rows of the embedding: ids [T] int64, E [V, H] -> [T, H].
  def embed(self, ids: Tensor, E: Tensor) -> Tensor:
    return torch.index_select(E, 0, ids)
