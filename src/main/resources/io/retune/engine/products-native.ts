  # Products with a frozen weight w [out, in], by the library torch was built with.
  # x [T, in] -> x wT [T, out]
  def project(self, x: Tensor, w: Tensor) -> Tensor:
    return torch.linear(x, w)
  # d [T, out] -> d w [T, in]
  def project_back(self, d: Tensor, w: Tensor) -> Tensor:
    return torch.matmul(d, w)
