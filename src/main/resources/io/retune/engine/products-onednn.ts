  # Products with a frozen weight w [out, in], by oneDNN.
  # x [T, in] -> x wT [T, out]
  def project(self, x: Tensor, w: Tensor) -> Tensor:
    return ops.mkldnn._linear_pointwise(x, w, None, "none", annotate(List[Optional[number]], []), None)
  # d [T, out] -> d w [T, in]
  def project_back(self, d: Tensor, w: Tensor) -> Tensor:
    return ops.mkldnn._linear_pointwise(d, w.t(), None, "none", annotate(List[Optional[number]], []), None)
