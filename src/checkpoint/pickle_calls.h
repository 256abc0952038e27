#pragma once
#include <functional>
#include <string>

#include "pickle_objects.h"
#include "pickle_reader.h"

namespace nnunet::pickle {

/// What calling a class or function of a pickle gives, for those that are known: tensors, containers, numpy's scalars.
class Calls {
 public:
  using Make = std::function<Node*(Kind)>;

  /// make: adds an object to the arena; name: the file, for messages.
  Calls(Make make, const std::string& name) : make_(std::move(make)), name_(name) {}

  /// callable(*arguments); an unknown one gives an object that remembers both.
  Node* call(Node* callable, const std::vector<Node*>& arguments, int depth = 0) const;
  /// The storage that a persistent id ("storage", class, key, device, elements) stands for.
  Node* storage(const Node* id) const;

 private:
  Node* tensor(const std::vector<Node*>& arguments, Dtype dtype) const;
  Node* typed_tensor(const std::vector<Node*>& arguments) const;
  Node* numpy_scalar(const std::vector<Node*>& arguments) const;
  [[noreturn]] void damaged(const std::string& problem) const;

  Make make_;
  const std::string& name_;
};

}  // namespace nnunet::pickle
