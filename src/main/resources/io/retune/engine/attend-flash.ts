  # Attention of one example, by torch's kernel for CPUs (Dao 2023, arXiv:2307.08691).
  # q, k, v [1, N, n, D] -> outputs [1, N, n, D], log-sum-exp [1, N, n]
  def attend(self, q: Tensor, k: Tensor, v: Tensor, causal: bool) -> Tuple[Tensor, Tensor]:
    return torch._scaled_dot_product_flash_attention_for_cpu(q, k, v, 0., causal)
  # Its backward, causal: gradients of q, k and v.
  def attend_back(self, do: Tensor, q: Tensor, k: Tensor, v: Tensor, o: Tensor, lse: Tensor) -> Tuple[Tensor, Tensor, Tensor]:
    return torch._scaled_dot_product_flash_attention_for_cpu_backward(do, q, k, v, o, lse, 0., True)
