  # The decoder written plainly, module by module, for autograd to differentiate: what modeling_llama.py and PEFT compute.

  def plain_norm(self, x: Tensor, g: Tensor, eps: float) -> Tensor:
    v = torch.mean(torch.mul(x, x), [-1], True)
    return torch.mul(torch.mul(x, torch.rsqrt(torch.add(v, eps))), g)

  # x W^T + s (x A^T) B^T
  def plain_linear(self, x: Tensor, w: Tensor, A: Tensor, B: Tensor, s: float) -> Tensor:
    y = torch.matmul(x, torch.t(w))
    if torch.numel(A) > 0:
      y = torch.add(y, torch.mul(torch.matmul(torch.matmul(x, torch.t(A)), torch.t(B)), s))
    return y

  # x [T, heads, D]; cos, sin [T, 1, D]
  def plain_rotate(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    half = x.size(2) // 2
    turned = torch.cat([torch.neg(x.narrow(2, half, half)), x.narrow(2, 0, half)], 2)
    return torch.add(torch.mul(x, cos), torch.mul(turned, sin))

  # W: [norm, q, k, v, o, norm, gate, up, down]; L: A and B of q, k, v, o, gate, up, down; mask [T, T]: 0, or minus infinity where nothing is seen.
  def plain_layer(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor, W: List[Tensor], L: List[Tensor], N: int, K: int, D: int, s: float, eps: float) -> Tensor:
    T = x.size(0)
    h = (self).plain_norm(x, W[0], eps)
    q = (self).plain_rotate((self).plain_linear(h, W[1], L[0], L[1], s).view([T, N, D]), cos, sin).transpose(0, 1)
    k = (self).plain_rotate((self).plain_linear(h, W[2], L[2], L[3], s).view([T, K, D]), cos, sin).transpose(0, 1)
    v = (self).plain_linear(h, W[3], L[4], L[5], s).view([T, K, D]).transpose(0, 1)
    k = torch.repeat_interleave(k, N // K, 0)
    v = torch.repeat_interleave(v, N // K, 0)
    scores = torch.add(torch.div(torch.matmul(q, k.transpose(1, 2)), torch.sqrt(torch.mul(torch.ones_like(mask), D))), mask)
    o = torch.matmul(torch.softmax(scores, -1), v).transpose(0, 1).reshape([T, N * D])
    x1 = torch.add(x, (self).plain_linear(o, W[4], L[6], L[7], s))
    h2 = (self).plain_norm(x1, W[5], eps)
    act = torch.mul(torch.silu((self).plain_linear(h2, W[6], L[8], L[9], s)), (self).plain_linear(h2, W[7], L[10], L[11], s))
    return torch.add(x1, (self).plain_linear(act, W[8], L[12], L[13], s))

  # -log p of each target: [n]
  def plain_head(self, x: Tensor, at: Tensor, y: Tensor, g: Tensor, E: Tensor, eps: float) -> Tensor:
    lg = torch.matmul((self).plain_norm(torch.index_select(x, 0, at), g, eps), torch.t(E))
    return torch.neg(torch.squeeze(torch.gather(torch.log_softmax(lg, -1), 1, y.unsqueeze(1)), 1))

  def total(self, x: Tensor) -> Tensor:
    return torch.sum(x)

  # The sum of x * weights: its gradient with respect to x is weights.
  def weighted(self, x: Tensor, weights: Tensor) -> Tensor:
    return torch.sum(torch.mul(x, weights))

  # One step of torch.optim.AdamW (torch/optim/adamw.py, _single_tensor_adamw), in place.
  def adamw(self, p: Tensor, g: Tensor, m: Tensor, v: Tensor, lr: float, decay: float, beta1: float, beta2: float, eps: float, correction1: float, correction2_root: float) -> Tensor:
    p.mul_(1. - lr * decay)
    m.lerp_(g, 1. - beta1)
    v.mul_(beta2).addcmul_(g, g, value=1. - beta2)
    denominator = torch.sqrt(v).div_(correction2_root).add_(eps)
    p.addcdiv_(m, denominator, value=-(lr / correction1))
    return p
