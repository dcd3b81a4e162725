  # Gradients of a model's own weights. Names and shapes are those of layer() and head(), without adapters.
  #
  # G: the gradients of W, added to; GE [V, H] and Gg [H]: those of the output projection and the final norm, added to.

  # dy [T, H] -> the gradient of x [T, H].
  def layer_back_weights(self, dy: Tensor, x: Tensor, saved: List[Tensor], cos: Tensor, sin: Tensor, W: List[Tensor], G: List[Tensor], bounds: List[int], N: int, K: int, D: int) -> Tensor:
    T = x.size(0)
    x1 = saved[1]
    qkv = saved[2]
    o = saved[3]
    gu = saved[5]
    r1 = saved[6]
    r2 = saved[7]
    F = gu.size(1) // 2
    gate = gu.narrow(1, 0, F)
    up = gu.narrow(1, F, F)
    sg = torch.silu(gate)
    torch.addmm_(G[5], dy.t(), torch.mul(sg, up))
    dact = (self).project_back(dy, W[5])
    dgu = torch.empty_like(gu)
    torch.mul(dact, sg, out=dgu.narrow(1, F, F))
    dgu.narrow(1, 0, F).copy_(torch.silu_backward(dact.mul_(up), gate))
    xh2 = torch.mul(x1, r2)
    torch.addmm_(G[4], dgu.t(), torch.mul(xh2, W[3]))
    dh2 = (self).project_back(dgu, W[4])
    G[3].add_(torch.sum(torch.mul(dh2, xh2), [0]))
    dx1 = (self).norm_back(dh2, xh2, W[3], r2).add_(dy)
    torch.addmm_(G[2], dx1.t(), o)
    do = (self).project_back(dx1, W[2])
    dqkv = (self).attention_back(do, qkv, o, saved[4], bounds, N, K, D)
    z = (self).rotate(dqkv.view([T, N + K + K, D]), N + K, cos, sin, -1)
    xh = torch.mul(x, r1)
    torch.addmm_(G[1], dqkv.t(), torch.mul(xh, W[0]))
    dh = (self).project_back(dqkv, W[1])
    G[0].add_(torch.sum(torch.mul(dh, xh), [0]))
    return (self).norm_back(dh, xh, W[0], r1).add_(dx1)

  # Losses [n], and the gradient of w * (their sum) with respect to x [T, H].
  def head_back_weights(self, x: Tensor, at: Tensor, y: Tensor, g: Tensor, E: Tensor, Gg: Tensor, GE: Tensor, eps: float, chunk: int, w: float) -> Tuple[Tensor, Tensor]:
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
      torch.addmm_(GE, lg.t(), torch.mul(xh, g))
      dh = (self).project_back(lg, E)
      Gg.add_(torch.sum(torch.mul(dh, xh), [0]))
      dx.index_copy_(0, ix, (self).norm_back(dh, xh, g, r))
      i = i + c
    return (losses, dx)

  # dx [T, H]: gradient of embed()'s result; GE [V, H] is added to.
  def embed_back(self, ids: Tensor, dx: Tensor, GE: Tensor) -> Tensor:
    return GE.index_add_(0, ids, dx)
