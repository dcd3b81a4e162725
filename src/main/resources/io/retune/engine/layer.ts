  # One decoder layer of the Llama family with LoRA adapters (Hu et al. 2021): forward, and backward to its input and its adapters.
  #
  # T tokens of packed examples; H width; F feed-forward; N heads, K key/value heads, D head width; r rank; s = alpha / r.
  # W: [attention norm [H], Wqkv [(N+2K)D, H], Wo [H, ND], feed-forward norm [H], Wgate-up [2F, H], Wdown [H, F]]
  # P: [Aqkv, Bq, Bk, Bv, Ao, Bo, Agu, Bg, Bu, Ad, Bd]: A of a group stacked by rows [n r, in], B [out, r]; an absent one has no elements.
  # G: the gradients of P, added to.
  # bounds: first token of each example, and T.

  # 1 / sqrt(mean(x^2) + eps): [T, H] -> [T, 1]. Zhang and Sennrich 2019, arXiv:1910.07467.
  def inverse_rms(self, x: Tensor, eps: float) -> Tensor:
    n = torch.linalg_vector_norm(x, 2, [-1], True)
    return n.mul_(n).div_(x.size(-1)).add_(eps).rsqrt_()

  # Of y = g * xh, xh = x * r: dx = r (g dy - xh mean(g dy * xh)). Consumes nothing.
  def norm_back(self, dy: Tensor, xh: Tensor, g: Tensor, r: Tensor) -> Tensor:
    t = torch.mul(dy, g)
    c = torch.div(torch.sum(torch.mul(t, xh), [-1], True), t.size(-1))
    return t.addcmul_(xh, c, value=-1).mul_(r)

  # Adapter of one module: y += s u B^T, where u's columns from `column` on are its x A^T. Returns the column behind.
  def adapt(self, y: Tensor, u: Tensor, B: Tensor, column: int, s: float) -> int:
    if torch.numel(B) == 0:
      return column
    r = B.size(1)
    torch.addmm_(y, u.narrow(1, column, r), B.t(), alpha=s)
    return column + r

  # Its backward: dB += s dy^T u; du = s dy B.
  def adapt_back(self, dy: Tensor, u: Tensor, du: Tensor, B: Tensor, dB: Tensor, column: int, s: float) -> int:
    if torch.numel(B) == 0:
      return column
    r = B.size(1)
    torch.addmm_(dB, dy.t(), u.narrow(1, column, r), alpha=s)
    du.narrow(1, column, r).copy_(torch.matmul(dy, B).mul_(s))
    return column + r

  # x [T, in] -> x A^T [T, n r]; without columns where the group has no adapter.
  def down(self, x: Tensor, A: Tensor) -> Tensor:
    if torch.numel(A) == 0:
      return torch.new_empty(x, [x.size(0), 0])
    return torch.matmul(x, A.t())

  # dA += du^T x; returns nothing. dx += du A where dx is wanted.
  def down_back(self, du: Tensor, x: Tensor, A: Tensor, dA: Tensor, dx: Tensor) -> int:
    if torch.numel(A) > 0:
      torch.addmm_(dA, du.t(), x)
      torch.addmm_(dx, du, A)
    return 0

  # Rotates the first n heads of qkv [T, heads, D] in place (Su et al. 2021, arXiv:2104.09864; the two halves of a head are a pair).
  # cos, sin: [T, 1, D / 2]; direction 1 forward, -1 backward.
  def rotate(self, qkv: Tensor, n: int, cos: Tensor, sin: Tensor, direction: int) -> int:
    half = qkv.size(2) // 2
    qk = qkv.narrow(1, 0, n)
    a = qk.narrow(2, 0, half)
    b = qk.narrow(2, half, half)
    t = torch.mul(a, sin)
    a.mul_(cos).addcmul_(b, sin, value=-direction)
    b.mul_(cos).add_(t, alpha=direction)
    return 0

  def layer(self, x: Tensor, cos: Tensor, sin: Tensor, W: List[Tensor], P: List[Tensor], bounds: List[int], N: int, K: int, D: int, s: float, eps: float) -> List[Tensor]:
    T = x.size(0)
    r1 = (self).inverse_rms(x, eps)
    h = torch.mul(x, r1).mul_(W[0])
    qkv = (self).project(h, W[1])
    u1 = (self).down(h, P[0])
    c = (self).adapt(qkv.narrow(1, 0, N * D), u1, P[1], 0, s)
    c = (self).adapt(qkv.narrow(1, N * D, K * D), u1, P[2], c, s)
    c = (self).adapt(qkv.narrow(1, (N + K) * D, K * D), u1, P[3], c, s)
    z = (self).rotate(qkv.view([T, N + K + K, D]), N + K, cos, sin, 1)
    o, lse = (self).attention(qkv, bounds, N, K, D)
    x1 = torch.add(x, (self).project(o, W[2]))
    u2 = (self).down(o, P[4])
    c = (self).adapt(x1, u2, P[5], 0, s)
    r2 = (self).inverse_rms(x1, eps)
    h2 = torch.mul(x1, r2).mul_(W[3])
    gu = (self).project(h2, W[4])
    F = gu.size(1) // 2
    u3 = (self).down(h2, P[6])
    c = (self).adapt(gu.narrow(1, 0, F), u3, P[7], 0, s)
    c = (self).adapt(gu.narrow(1, F, F), u3, P[8], c, s)
    act = torch.silu(gu.narrow(1, 0, F)).mul_(gu.narrow(1, F, F))
    u4 = (self).down(act, P[9])
    y = torch.add(x1, (self).project(act, W[5]))
    c = (self).adapt(y, u4, P[10], 0, s)
    return [y, x1, qkv, o, lse, gu, r1, r2, u1, u2, u3, u4]

  # dy [T, H]: gradient of the layer's output; x: its input; saved: what layer() returned.
  # Returns the gradient of x; of the first layer, whose input is not trained, that is not worked out (wanted = False).
  def layer_back(self, dy: Tensor, x: Tensor, saved: List[Tensor], cos: Tensor, sin: Tensor, W: List[Tensor], P: List[Tensor], G: List[Tensor], bounds: List[int], N: int, K: int, D: int, s: float, wanted: bool) -> Tensor:
    T = x.size(0)
    x1 = saved[1]
    qkv = saved[2]
    o = saved[3]
    lse = saved[4]
    gu = saved[5]
    r1 = saved[6]
    r2 = saved[7]
    F = gu.size(1) // 2
    # feed-forward, down: y = x1 + act Wd^T + s u4 Bd^T
    gate = gu.narrow(1, 0, F)
    up = gu.narrow(1, F, F)
    sg = torch.silu(gate)
    act = torch.mul(sg, up)
    dact = (self).project_back(dy, W[5])
    du4 = torch.empty_like(saved[11])
    c = (self).adapt_back(dy, saved[11], du4, P[10], G[10], 0, s)
    c = (self).down_back(du4, act, P[9], G[9], dact)
    # act = silu(gate) * up
    dgu = torch.empty_like(gu)
    torch.mul(dact, sg, out=dgu.narrow(1, F, F))
    dgu.narrow(1, 0, F).copy_(torch.silu_backward(dact.mul_(up), gate))
    # gate and up
    xh2 = torch.mul(x1, r2)
    dh2 = (self).project_back(dgu, W[4])
    du3 = torch.empty_like(saved[10])
    c = (self).adapt_back(dgu.narrow(1, 0, F), saved[10], du3, P[7], G[7], 0, s)
    c = (self).adapt_back(dgu.narrow(1, F, F), saved[10], du3, P[8], G[8], c, s)
    if torch.numel(P[6]) > 0:
      c = (self).down_back(du3, torch.mul(xh2, W[3]), P[6], G[6], dh2)
    dx1 = (self).norm_back(dh2, xh2, W[3], r2).add_(dy)
    # output projection: x1 = x + o Wo^T + s u2 Bo^T
    do = (self).project_back(dx1, W[2])
    du2 = torch.empty_like(saved[9])
    c = (self).adapt_back(dx1, saved[9], du2, P[5], G[5], 0, s)
    c = (self).down_back(du2, o, P[4], G[4], do)
    dqkv = (self).attention_back(do, qkv, o, lse, bounds, N, K, D)
    z = (self).rotate(dqkv.view([T, N + K + K, D]), N + K, cos, sin, -1)
    # q, k and v
    xh = torch.mul(x, r1)
    du1 = torch.empty_like(saved[8])
    c = (self).adapt_back(dqkv.narrow(1, 0, N * D), saved[8], du1, P[1], G[1], 0, s)
    c = (self).adapt_back(dqkv.narrow(1, N * D, K * D), saved[8], du1, P[2], G[2], c, s)
    c = (self).adapt_back(dqkv.narrow(1, (N + K) * D, K * D), saved[8], du1, P[3], G[3], c, s)
    if wanted:
      dh = (self).project_back(dqkv, W[1])
      if torch.numel(P[0]) > 0:
        c = (self).down_back(du1, torch.mul(xh, W[0]), P[0], G[0], dh)
      return (self).norm_back(dh, xh, W[0], r1).add_(dx1)
    if torch.numel(P[0]) > 0:
      torch.addmm_(G[0], du1.t(), torch.mul(xh, W[0]))
    return dx1
